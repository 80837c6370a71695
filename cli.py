"""The command line: `remit ...`. Every command says what it did and, when it fails, what to do about it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import asyncpg
import typer

from adapters.database.administration import create_token, revoke_token
from adapters.database.connection import database_errors
from adapters.database.ledger import verify
from adapters.database.policies import CurrentPolicy, Policies
from adapters.database.tokens import Sessions, TokenKind, Tokens
from commands import canaries, holds, policy, reviewers, slack
from commands.running import err, fail, out, owner_url, run, settings_or_fail, with_pool
from domain.errors import NotFound
from domain.ledger import Head

app = typer.Typer(
    no_args_is_help=True, help="Remit decides what AI agents may do, asks people, and proves who decided."
)
ledger_commands = typer.Typer(no_args_is_help=True, help="Check the tamper-evident ledger.")
token_commands = typer.Typer(no_args_is_help=True, help="Make and revoke bearer tokens.")
app.add_typer(ledger_commands, name="ledger")
app.add_typer(policy.app, name="policy")
app.add_typer(slack.app, name="slack")
app.add_typer(token_commands, name="token")
app.add_typer(holds.app)
app.add_typer(canaries.app, name="canary")
app.add_typer(reviewers.app)

LINK_LIFETIME = timedelta(minutes=15)


@app.command()
def api() -> None:
    """Run the API: agents, reviewers, Slack, health and metrics."""
    from api.app import main

    main()


@app.command()
def worker() -> None:
    """Run a worker: it carries actions and sequences the ledger. Run as many as you like."""
    from worker import main

    main()


@app.command()
def migrate() -> None:
    """Bring the database schema up to date. Running it twice changes nothing."""
    # Imported here: Alembic and SQLAlchemy would take half of the time that every other command takes.
    from sqlalchemy.exc import SQLAlchemyError

    from adapters.database.migrate import migrate as migrate_schema

    try:
        run(migrate_schema(owner_url(settings_or_fail())))
    except SQLAlchemyError as problem:
        fail(f"the schema could not be brought up to date: {problem}")
    out.print("the schema is up to date")


@app.command("review-link")
def review_link(person: Annotated[str, typer.Argument(help="Id of a person of the catalog")]) -> None:
    """Make a one-time link with which a reviewer signs in to the review page, good for 15 minutes."""
    settings = settings_or_fail()

    async def create(pool: "asyncpg.Pool[asyncpg.Record]") -> str:
        people = (await CurrentPolicy(Policies(pool), settings.policy_refresh_seconds).current()).people
        if person not in people:
            raise NotFound(f"no person '{person}' in the catalog; known: {', '.join(sorted(people))}")
        return await Sessions(pool).create_link(person, datetime.now(UTC) + LINK_LIFETIME)

    code = with_pool(settings.database_url, create)
    out.print(f"{str(settings.public_url).rstrip('/')}/review/enter?code={code}")


@ledger_commands.command("verify")
def ledger_verify(
    head: Annotated[str, typer.Option(help="A head noted earlier, SIZE:HASH, that the chain must still contain")] = "",
) -> None:
    """Check every entry and link of the ledger; the first broken entry is named and the exit status is 1."""
    known = _parsed_head(head) if head else None

    async def check() -> str:
        with database_errors():
            connection = await asyncpg.connect(settings_or_fail().database_url.get_secret_value(), timeout=10)
        try:
            found = await verify(connection, known)
        finally:
            await connection.close()
        waiting = f", {found.waiting} waiting for their place" if found.waiting else ""
        erased = f", {found.erased} texts erased" if found.erased else ""
        return f"the ledger is whole: {found.head.size} entries{waiting}{erased}\nhead {found.head}"

    out.print(run(check()))


@token_commands.command("create")
def token_create(
    kind: Annotated[TokenKind, typer.Option(help="What the token lets its holder be")],
    subject: Annotated[str, typer.Option(help="The agent's or person's id, or an admin's name")],
    by: Annotated[str, typer.Option(help="Who makes it, for the ledger")] = "operator",
) -> None:
    """Make a bearer token. It is printed once and stored only as a hash."""
    settings = settings_or_fail()

    async def create(pool: "asyncpg.Pool[asyncpg.Record]") -> str:
        active = await CurrentPolicy(Policies(pool), settings.policy_refresh_seconds).current()
        catalog = {TokenKind.AGENT: set(active.agents), TokenKind.REVIEWER: set(active.people)}
        known = catalog.get(kind, {subject})
        if subject not in known:
            raise NotFound(f"no {kind.value} '{subject}' in the catalog; known: {', '.join(sorted(known))}")
        return await create_token(pool, kind, subject, by)

    err.print(f"a token for the {kind.value} '{subject}'; it is shown this once:")
    out.print(with_pool(owner_url(settings), create))


@token_commands.command("list")
def token_list() -> None:
    """List the tokens in force: id, kind, whose, since when. Their secrets are not stored."""
    for token in with_pool(owner_url(settings_or_fail()), lambda pool: Tokens(pool).in_force()):
        out.print(f"{token.token_id}  {token.kind.value:8}  {token.subject:24}  {token.created_at:%Y-%m-%d %H:%M}")


@token_commands.command("revoke")
def token_revoke(
    token_id: Annotated[str, typer.Argument(help="The token's id, as the ledger has it")],
    by: Annotated[str, typer.Option(help="Who revokes it, for the ledger")] = "operator",
) -> None:
    """Revoke a token: refused everywhere within a second."""
    with_pool(owner_url(settings_or_fail()), lambda pool: revoke_token(pool, token_id, by))
    out.print(f"token {token_id} is revoked")


def _parsed_head(text: str) -> Head:
    if not re.fullmatch(r"[0-9]{1,18}:[0-9a-f]{64}", text):
        raise typer.BadParameter(f"'{text}' is not a head: expected SIZE:HASH as `ledger verify` prints it")
    size, _, hexadecimal = text.partition(":")
    return Head(size=int(size), hash=bytes.fromhex(hexadecimal))


if __name__ == "__main__":
    app()

"""The command line against a real database: the main story as processes, the rest in this one, which is faster."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from adapters.database.ledger import Ledger
from adapters.database.tokens import Sessions, Tokens
from cli import app
from local.postgres import EmbeddedPostgres
from local.processes import free_port
from tests.bundles import DOCUMENT
from tests.databases import Database, written
from tests.shell import Done, Shell, bundle_folder


@pytest.fixture(scope="module")
async def shell(shared_postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A database that was migrated and got its bundle by the commands themselves."""
    await shared_postgres.create_database("cli")
    folder = tmp_path_factory.mktemp("cli")
    shell = Shell(Database(shared_postgres, "cli"), folder / "home")
    migrated = await shell.spawn("migrate")
    assert migrated == Done(0, "the schema is up to date\n", "")
    activated = await shell.spawn("policy", "activate", bundle_folder(folder / "bundle"), "--by", "rita")
    assert activated.code == 0, activated.err
    assert re.fullmatch(r"bundle 'test-company' version 1 is active now, sha256:[0-9a-f]{64}\n", activated.out), (
        activated.out
    )
    return shell


async def test_migrating_twice_changes_nothing(shell: Shell) -> None:
    assert await shell.run("migrate") == Done(0, "the schema is up to date\n", "")


async def test_activating_the_active_bundle_changes_nothing(shell: Shell, tmp_path: Path) -> None:
    done = await shell.run("policy", "activate", bundle_folder(tmp_path / "b"))

    assert (done.code, done.err) == (0, "")
    assert "was active already" in done.out


async def test_an_activation_is_in_the_ledger_with_who_did_it(shell: Shell) -> None:
    async with shell.database.connection("remit_app") as connection:
        body = await connection.fetchval("SELECT body FROM ledger_entry WHERE kind = 'policy.activated'")

    assert b'"actor":{"door":"cli","id":"rita","kind":"admin"}' in body


async def test_a_sound_bundle_passes_the_check_without_any_database(shell: Shell, tmp_path: Path) -> None:
    folder = bundle_folder(tmp_path / "b", version="[draft] 2")

    done = await shell.run("policy", "check", folder, REMIT_DATABASE_URL=None, REMIT_OWNER_DATABASE_URL=None)

    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("bundle 'test-company' version [draft] 2 is sound, sha256:")


async def test_a_broken_bundle_is_described_and_not_activated(shell: Shell, tmp_path: Path) -> None:
    types = [{**kind, "executor": "carrier.pigeon"} for kind in DOCUMENT["action_types"][:1]]
    folder = bundle_folder(tmp_path / "b", action_types=[*types, *DOCUMENT["action_types"][1:]])

    checked = await shell.run("policy", "check", folder)
    activated = await shell.run("policy", "activate", folder)

    assert checked == activated
    assert (checked.code, checked.out) == (1, "")
    assert checked.err == (
        "the bundle is not usable:\n"
        "  bundle.yaml:15:13: no executor 'carrier.pigeon'; known: email.send, http.request\n"
    )


async def test_a_yaml_error_is_named_with_its_place(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "risk.yaml").write_text("risk:\n  rules: [")

    done = await shell.run("policy", "check", str(tmp_path))

    assert done.code == 1
    assert "  risk.yaml:2:11: " in done.err


async def test_a_folder_that_is_not_there_is_named(shell: Shell) -> None:
    done = await shell.run("policy", "check", "nowhere")

    assert (done.code, done.err) == (
        1,
        "the bundle is not usable:\n  nowhere is not a folder; a bundle is a folder of *.yaml files\n",
    )


async def test_a_token_is_shown_once_listed_and_revoked(shell: Shell) -> None:
    made = await shell.run("token", "create", "--kind", "agent", "--subject", "clerk")
    assert made.code == 0
    assert made.err == "a token for the agent 'clerk'; it is shown this once:\n"
    secret = made.out.strip()
    assert re.fullmatch(r"remit_agent_[\w-]{43}", secret)
    async with shell.database.pool() as pool:
        caller = await Tokens(pool).caller(secret)
    assert caller is not None
    assert (caller.kind, caller.subject) == ("agent", "clerk")

    listed = await shell.run("token", "list")
    assert re.search(rf"^{caller.token_id} +agent +clerk +\d{{4}}-\d\d-\d\d \d\d:\d\d$", listed.out, re.MULTILINE)
    assert secret not in listed.out

    revoked = await shell.run("token", "revoke", caller.token_id)
    assert revoked == Done(0, f"token {caller.token_id} is revoked\n", "")
    async with shell.database.pool() as pool:
        assert await Tokens(pool).caller(secret) is None
    again, listed = await shell.run("token", "revoke", caller.token_id), await shell.run("token", "list")
    assert (again.code, again.out) == (1, "")
    assert f"no token '{caller.token_id}' in force" in again.err
    assert caller.token_id not in listed.out


@pytest.mark.parametrize(
    ("kind", "subject", "said"),
    [
        ("agent", "ghost", "no agent 'ghost' in the catalog; known: clerk, other, retired\n"),
        ("reviewer", "clerk", "no reviewer 'clerk' in the catalog; known: ann, bob, cem, olga, out\n"),
    ],
)
async def test_a_token_for_nobody_is_refused_with_who_there_is(
    shell: Shell, kind: str, subject: str, said: str
) -> None:
    done = await shell.run("token", "create", "--kind", kind, "--subject", subject)

    assert (done.code, done.out) == (1, "")
    assert done.err.endswith(said)


async def test_a_review_link_signs_a_person_in_once(shell: Shell) -> None:
    done = await shell.run("review-link", "ann")

    assert (done.code, done.err) == (0, "")
    found = re.fullmatch(r"https://remit\.test\.example/review/enter\?code=(remit_link_[\w-]{43})\n", done.out)
    assert found
    async with shell.database.connection("remit_app") as connection:
        now = await connection.fetchval("SELECT now()")
        left = await connection.fetchval("SELECT max(expires_at) - now() FROM review_link")
    assert 800 < left.total_seconds() <= 900
    async with shell.database.pool() as pool:
        assert [await Sessions(pool).use_link(found[1], now) for _ in range(2)] == ["ann", None]


async def test_a_review_link_for_nobody_is_refused(shell: Shell) -> None:
    done = await shell.run("review-link", "ghost")

    assert (done.code, done.out) == (1, "")
    assert done.err == "no person 'ghost' in the catalog; known: ann, bob, cem, olga, out\n"


async def test_a_whole_ledger_verifies_and_prints_a_head_that_it_verifies_against(shell: Shell) -> None:
    await shell.database.sequence()

    first = await shell.spawn("ledger", "verify")

    assert (first.code, first.err) == (0, "")
    found = re.fullmatch(r"the ledger is whole: \d+ entries\nhead (\d+:[0-9a-f]{64})\n", first.out)
    assert found, first.out
    assert await shell.run("ledger", "verify", "--head", found[1]) == first
    wrong = re.sub(r":.{64}", ":" + "0" * 64, found[1])
    other = await shell.run("ledger", "verify", "--head", wrong)
    assert other.code == 1
    assert "differs from the head noted earlier" in other.err


@pytest.mark.parametrize("head", ["5", "5:", "5:xyz", "-1:" + "0" * 64, "5:" + "0" * 63])
async def test_what_is_no_head_is_refused(shell: Shell, head: str) -> None:
    done = await shell.run("ledger", "verify", f"--head={head}")

    assert done.code == 2
    assert "is not a head" in done.err


async def test_a_broken_ledger_is_named_and_gives_exit_status_1(
    shared_postgres: EmbeddedPostgres, shell: Shell
) -> None:
    await shared_postgres.create_database("cli-broken")
    broken = Shell(Database(shared_postgres, "cli-broken"), shell.home)
    await broken.run("migrate")
    async with broken.database.pool() as pool:
        await Ledger(pool).append([written(number) for number in range(1, 4)])
    await broken.database.sequence()
    await broken.database.tamper("UPDATE ledger_entry SET body = body || ' ' WHERE key = 'a/2'")

    done = await broken.spawn("ledger", "verify")

    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "THE LEDGER IS BROKEN: entry 2 (a/2) was changed: its bytes do not have the hash in the chain\n"
    )


OWNERS = (("migrate",), ("token", "list"))


@pytest.mark.parametrize("arguments", OWNERS, ids=" ".join)
async def test_what_needs_the_owner_says_which_setting_is_missing(shell: Shell, arguments: tuple[str, ...]) -> None:
    done = await shell.spawn(*arguments, REMIT_OWNER_DATABASE_URL=None)

    assert (done.code, done.out) == (1, "")
    assert done.err == "this needs the owner of the schema: set REMIT_OWNER_DATABASE_URL\n"


@pytest.mark.parametrize("arguments", [("migrate",), ("token", "list"), ("ledger", "verify")], ids=" ".join)
async def test_a_database_that_is_away_is_said_in_one_line(shell: Shell, arguments: tuple[str, ...]) -> None:
    away = f"postgresql://nobody@127.0.0.1:{free_port()}/remit"

    done = await shell.run(*arguments, REMIT_OWNER_DATABASE_URL=away, REMIT_DATABASE_URL=away)

    assert (done.code, done.out) == (1, "")
    assert done.err == "the database does not answer (ConnectionRefusedError); try again\n"


async def test_a_database_without_a_schema_is_told_to_migrate(shared_postgres: EmbeddedPostgres, shell: Shell) -> None:
    await shared_postgres.create_database("cli-empty")
    empty = Shell(Database(shared_postgres, "cli-empty"), shell.home)

    verified, listed = await empty.run("ledger", "verify"), await empty.run("token", "list")

    for done in (verified, listed):
        assert (done.code, done.out) == (1, "")
        assert "is the schema up to date? (remit migrate)" in done.err


async def test_the_application_cannot_do_what_the_owner_does(shell: Shell) -> None:
    done = await shell.run("migrate", REMIT_OWNER_DATABASE_URL=shell.database.url("remit_sequencer"))

    assert done.code == 1
    assert "Traceback" not in done.err


async def test_a_setting_that_makes_no_sense_is_named_without_its_value(shell: Shell) -> None:
    done = await shell.run("token", "list", REMIT_SMTP_PORT="s3cret", REMIT_DATABASE_POOL_SIZE="1")

    assert (done.code, done.out) == (1, "")
    assert "REMIT_SMTP_PORT: Input should be a valid integer" in done.err
    assert "REMIT_DATABASE_POOL_SIZE: Input should be greater than or equal to 2" in done.err
    assert "s3cret" not in done.err


def commands(command: Any, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield every command of the tree."""
    yield path
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, *path, name)


COMMANDS = list(commands(typer.main.get_command(app)))


def test_there_are_the_commands_that_the_documentation_names() -> None:
    assert {" ".join(path) for path in COMMANDS} == {
        *("", "api", "worker", "migrate", "review-link"),
        *("ledger", "ledger verify"),
        *("policy", "policy check", "policy activate", "policy schema"),
        *("policy show", "policy test", "policy simulate", "policy diff", "policy history"),
        *("policy propose", "policy rollback"),
        *("token", "token create", "token list", "token revoke"),
        *("slack", "slack check", "slack manifest"),
        *("reviewers", "canary", "canary plant", "canary list"),
        *("hold", "hold everything", "hold agent", "hold use-case", "hold action-type", "release", "holds"),
    }


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(path) or "remit")
async def test_every_command_helps(shell: Shell, path: tuple[str, ...]) -> None:
    done = await shell.run(*path, "--help")

    assert (done.code, done.err) == (0, "")
    assert "Usage: " in done.out
    assert len(done.out.splitlines()) > 4


async def test_the_command_without_arguments_helps(shell: Shell) -> None:
    done = await shell.spawn()

    assert "Remit decides what AI agents may do" in done.out + done.err

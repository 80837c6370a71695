"""`remit hold`, `remit release`, `remit holds`: kill switches, straight in the database, without API or Temporal."""

from datetime import timedelta
from typing import Annotated

import asyncpg
import typer

from adapters.database.holds import Holds
from adapters.database.policies import CurrentPolicy, Policies
from commands.running import err, fail, out, settings_or_fail, with_pool
from domain.holds import Hold, HoldScope, check_subject
from domain.ledger import Actor, ActorKind

app = typer.Typer()
hold_commands = typer.Typer(no_args_is_help=True, help="Stop everything, an agent, a use case or an action type.")
app.add_typer(hold_commands, name="hold")

Reason = Annotated[str, typer.Option(help="Why, for whoever is stopped by it and for the ledger")]
By = Annotated[str, typer.Option(help="Who does it, for the ledger")]
Wait = Annotated[float, typer.Option(min=0, max=600, help="Seconds to wait for what is under way")]
Subject = Annotated[str, typer.Argument(metavar="ID", help="Its id in the active policy")]
_MAX_REASON = 2000


@hold_commands.command("everything")
def hold_everything(reason: Reason, by: By = "operator", wait: Wait = 10) -> None:
    """Stop everything: nothing is accepted, nothing runs, and no deadline passes."""
    _place(HoldScope.EVERYTHING, None, reason, by, wait)


@hold_commands.command("agent")
def hold_agent(subject: Subject, reason: Reason, by: By = "operator", wait: Wait = 10) -> None:
    """Stop one agent."""
    _place(HoldScope.AGENT, subject, reason, by, wait)


@hold_commands.command("use-case")
def hold_use_case(subject: Subject, reason: Reason, by: By = "operator", wait: Wait = 10) -> None:
    """Stop one use case."""
    _place(HoldScope.USE_CASE, subject, reason, by, wait)


@hold_commands.command("action-type")
def hold_action_type(subject: Subject, reason: Reason, by: By = "operator", wait: Wait = 10) -> None:
    """Stop one action type."""
    _place(HoldScope.ACTION_TYPE, subject, reason, by, wait)


@app.command("release")
def release(
    hold_id: Annotated[str, typer.Argument(metavar="HOLD", help="The hold's id, as `remit holds` prints it")],
    reason: Reason,
    by: By = "operator",
) -> None:
    """Lift a hold. What it froze goes on with the time that was left."""
    wanted = _reason(reason)
    settings = settings_or_fail()
    hold = with_pool(settings.database_url, lambda pool: Holds(pool).lift(hold_id, wanted, _actor(by)))
    out.print(f"hold {hold.id} on {hold.over} was lifted {_moment(hold.lifted_at)} by {hold.lifted_by}")


@app.command("holds")
def listing(
    past: Annotated[bool, typer.Option("--all", help="Those that were lifted, too")] = False,
) -> None:
    """List the holds that are on, newest first."""
    settings = settings_or_fail()
    found = with_pool(settings.database_url, lambda pool: Holds(pool).newest(active=not past))
    if not found:
        err.print("there was never a hold" if past else "no hold is on")
    for hold in found:
        lifted = f"; lifted {_moment(hold.lifted_at)} by {hold.lifted_by}: {hold.lift_reason}" if hold.lifted_at else ""
        said = f"placed {_moment(hold.placed_at)} by {hold.placed_by}: {hold.reason}{lifted}"
        out.print(f"{hold.id}  {hold.over:32}  {' '.join(said.split())}")


def _place(scope: HoldScope, subject: str | None, reason: str, by: str, wait: float) -> None:
    wanted, settings = _reason(reason), settings_or_fail()

    async def place(pool: "asyncpg.Pool[asyncpg.Record]") -> tuple[Hold, bool, list[str]]:
        if subject is not None:
            policy = await CurrentPolicy(Policies(pool), settings.policy_refresh_seconds).current()
            check_subject(scope, subject, policy.bundle)
        holds = Holds(pool)
        hold, fresh = await holds.place(scope, subject, wanted, _actor(by))
        said = "is on: no effect begins in its scope" if fresh else f"is on already, by {hold.placed_by}"
        err.print(f"hold {hold.id} on {hold.over} {said}; lift it with: remit release {hold.id} --reason WHY")
        return hold, fresh, await holds.under_way(hold, timedelta(seconds=wait))

    hold, _, under_way = with_pool(settings.database_url, place)
    if under_way:
        err.print(f"{len(under_way)} began before the hold and may still be having their effect:")
        for action_id in under_way:
            err.print(f"  action {action_id}")
    out.print(hold.id)


def _reason(text: str) -> str:
    wanted = text.strip()
    if not 0 < len(wanted) <= _MAX_REASON:
        fail(f"say why with --reason, in up to {_MAX_REASON} characters")
    return wanted


def _actor(by: str) -> Actor:
    return Actor(kind=ActorKind.ADMIN, id=by, door="cli")


def _moment(at: object) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"

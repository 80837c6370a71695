"""Payments that count towards limits, and bundles' guardrails to count them by."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from adapters.database.actions import Actions
from domain.action import Action, Context, Route, State
from domain.approval import Approval, ApprovalPlan, Ballot, Decision, Door, ask, cast
from domain.authority import Eligibility
from domain.canonical import digest, revision_bytes
from domain.catalog import Guardrails
from domain.errors import RateLimited
from domain.guardrails import measure_of, uses_at_execution, uses_of
from domain.ledger import SYSTEM, EntryKind, entry
from domain.record import Claim, Execution
from domain.roles import Meaning
from tests.approvals import planned
from tests.databases import NOW, Database, note, written

JUDGED = note()[1]
BOOKKEEPER = {"agent": "clerk", "use_case": "support", "action_type": "pay"}


def guardrails(**parts: Any) -> Guardrails:
    """Return guardrails as a bundle has them."""
    return Guardrails.model_validate(parts)


def rate_limit(limit: int = 3, **changes: Any) -> Guardrails:
    """Return a single rate limit, `rate`: so many actions in an hour."""
    return guardrails(rate_limits=[{"id": "rate", "limit": limit, "window": "1h", **changes}])


def budget(limit: int = 10, **changes: Any) -> Guardrails:
    """Return a single budget, `sum`: so many minor units in an hour."""
    return guardrails(budgets=[{"id": "sum", "limit": limit, "window": "1h", **changes}])


def action(at: datetime = NOW, **changes: Any) -> Action:
    """Return a new action of the bookkeeper, or as `changes` (agent, use_case, action_type) say."""
    data = revision_bytes({})
    return Action(
        id=secrets.token_hex(16),
        digest=digest(data),
        arguments_bytes=data,
        context=Context(),
        created_at=at,
        **{**BOOKKEEPER, **changes},
    )


def paying(amount: int = 1, to: Sequence[str] = ("bob",), currency: str = "EUR") -> Meaning:
    """Return what a payment means."""
    return Meaning(amount=amount, currency=currency, recipients=list(to))


async def submit(actions: Actions, new: Action, limits: Guardrails, meaning: Meaning, key: str | None = None) -> str:
    """Submit an action as the door does, and return the id of the action under its key. Raises RateLimited."""
    measure, uses = measure_of(meaning), uses_of(limits, new, meaning)
    stands, _ = await actions.submit(new, "olga", key or new.id, "r", written(1, new.id), measure, uses)
    return stands


async def is_let_in(actions: Actions, new: Action, limits: Guardrails, meaning: Meaning) -> bool:
    """Submit an action and say whether the limits let it in."""
    try:
        await submit(actions, new, limits, meaning)
    except RateLimited:
        return False
    return True


async def paid(
    actions: Actions,
    limits: Guardrails,
    amount: int = 1,
    to: str = "bob",
    at: datetime = NOW,
    currency: str = "EUR",
    **who: str,
) -> bool:
    """Submit a payment and say whether it was let in."""
    return await is_let_in(actions, action(at, **who), limits, paying(amount, [to], currency))


def plan() -> ApprovalPlan:
    """Return how the tests' people are asked."""
    return planned(expires_at=NOW + timedelta(days=9))


async def judged(actions: Actions, new: Action, route: Route = Route.EXECUTE) -> None:
    """Record a judgement with this route; what is asked about waits."""
    way = JUDGED.model_copy(update={"route": route})
    asked = ask(plan(), new.digest, NOW) if route is Route.ASK else None
    state = {Route.ASK: State.PENDING_APPROVAL, Route.DENY: State.DENIED, Route.SUGGEST: State.SUGGESTED}
    assert await actions.record_judgement(new.id, way, asked, state.get(route, State.ASSESSING), NOW, [])


def voted(new: Action, decision: Decision = Decision.APPROVE) -> Approval:
    """Return an approval with one vote."""
    ballot = Ballot(id="1", person="ann", decision=decision, revision=new.digest, reason="so", door=Door.API)
    return cast(ask(plan(), new.digest, NOW), ballot, Eligibility(person="ann", group="finance"), NOW)[0]


async def decided(actions: Actions, new: Action, approval: Approval) -> None:
    """Ask about an action, and record what came of it."""
    await judged(actions, new, Route.ASK)
    state = (approval.outcome.state if approval.outcome else None) or State.PENDING_APPROVAL
    assert await actions.record_approval(new.id, approval, state, NOW, [])


async def waiting(actions: Actions, limits: Guardrails, at: datetime = NOW, amount: int = 1) -> Action:
    """Return an action that people have approved and that has not run."""
    new = action(at)
    await submit(actions, new, limits, paying(amount))
    await decided(actions, new, voted(new))
    return new


async def claim(
    actions: Actions, new: Action, limits: Guardrails, at: datetime = NOW, asked: bool = False, meaning: Any = None
) -> Claim:
    """Claim the execution of an action as the activity does. Raises RateLimited."""
    record = await actions.get(new.id)
    uses = uses_at_execution(limits, new, meaning or paying(), record.exceeded, asked)
    intent = entry(f"{new.id}/intended", EntryKind.EXECUTION_INTENDED, at, SYSTEM, {}, action=new.id)
    claimed = await actions.claim(new.id, new.digest, Execution(key=new.id, intent_at=at), intent, uses)
    assert isinstance(claimed, Claim)
    return claimed


async def measures(database: Database, new: Action) -> list[Any]:
    """Return what the database holds of what an action counts for."""
    async with database.connection("remit_app") as connection:
        rows = await connection.fetch(
            "SELECT recipient, once, at, amount, currency FROM action_measure WHERE action = $1 ORDER BY recipient",
            new.id,
        )
    return [tuple(row) for row in rows]


async def emptied(database: Database) -> Database:
    """Return a database in which nothing has happened."""
    await database.tamper("TRUNCATE action, action_measure, ledger_entry, ledger_secret, ledger_pending CASCADE")
    return database

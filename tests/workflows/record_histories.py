"""Records one history of each path of the workflow into `tests/histories/`: `make histories`.

Recorded once and kept: waiting actions in the field have such histories, and every later version of the workflow
must replay them. Record again only to add a path, never to make a failing replay pass.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from domain.action import Action
from domain.approval import Decision
from domain.errors import EffectNotSent, NotifierUnavailable
from local.stack import CHECKOUT
from tests.bundles import DOCUMENT, policy
from tests.workflows.world import PATIENCE, World, world
from workflows.agent_action import CancelRequest

HISTORIES = Path(__file__).parent.parent / "histories"
NOTE = {"customer": "c-1", "text": "hello"}


async def executed_at_once(here: World) -> Action:
    action = await here.submit("note.add", NOTE)
    await here.ended(action)
    return action


async def executed_after_retries(here: World) -> Action:
    here.executor.failures = [EffectNotSent("away"), EffectNotSent("away")]
    action = await here.submit("note.add", NOTE)
    await here.ended_after(action, timedelta(seconds=1))
    return action


async def approved_by_two(here: World) -> Action:
    action = await here.refund(200_000)
    for person in ("ann", "ann", "out", "bob"):
        await here.vote(action, person)
    await here.ended(action)
    return action


async def rejected(here: World) -> Action:
    action = await here.refund()
    await here.vote(action, "ann", Decision.REJECT, "no")
    await here.ended(action)
    return action


async def escalated_then_expired(here: World) -> Action:
    action = await here.refund()
    await here.ended_after(action, timedelta(minutes=20))
    return action


async def withdrawn(here: World) -> Action:
    action = await here.refund()
    await here.workflows.cancel(action.id, CancelRequest(id="1", agent="clerk"), PATIENCE)
    await here.ended(action)
    return action


async def still_waiting(here: World) -> Action:
    action = await here.refund(200_000)
    await here.vote(action, "ann")
    return action


async def denied(here: World) -> Action:
    action = await here.submit("note.add", NOTE, use_case="frozen")
    await here.ended(action)
    return action


async def held_while_waiting(here: World) -> Action:
    """Frozen in the middle of the reminder's time, with a vote refused; then reminded, and approved."""
    action = await here.refund()
    await here.environment.sleep(timedelta(hours=1, minutes=10))
    await here.place_hold(action)
    await here.vote(action, "ann")
    await here.environment.sleep(timedelta(hours=2, minutes=10))
    await here.lift_hold(action)
    while "approval.reminded" not in here.actions.kinds(action.id):
        await here.environment.sleep(timedelta(minutes=1))
    await here.vote(action, "ann")
    await here.ended(action)
    return action


async def held_before_it_ran(here: World) -> Action:
    await here.place_hold()
    action = await here.submit("note.add", NOTE)
    await here.environment.sleep(timedelta(hours=1, minutes=10))
    await here.lift_hold(action)
    await here.ended(action)
    return action


async def approved_in_stages(here: World) -> Action:
    """The second stage begins while the timer of the first one's reminder runs, and is reminded in its place."""
    stages = [{"group": "finance", "quorum": 2}, {"group": "on-call"}]
    rule = {"id": "one", "stages": stages, "remind_after": "2h", "expire_after": "2d", "approval_lifetime": "1h"}
    here.policies.policy = policy(approvals=[rule, *DOCUMENT["approvals"][1:]])
    action = await here.refund()
    for person in ("ann", "cem", "bob", "ann"):
        await here.vote(action, person)
    while "approval.reminded" not in here.actions.kinds(action.id):
        await here.environment.sleep(timedelta(minutes=10))
    await here.vote(action, "cem")
    await here.ended(action)
    return action


async def returned_then_answered(here: World) -> Action:
    """Returned with questions before its reminder, answered after that, reminded, and approved."""
    rule = {"id": "one", "group": "finance", "remind_after": "2h", "expire_after": "2d"}
    here.policies.policy = policy(approvals=[rule, *DOCUMENT["approvals"][1:]])
    action = await here.refund()
    await here.vote(action, "ann", Decision.RETURN, "which invoice?")
    await here.environment.sleep(timedelta(hours=3))
    await here.answer(action, "INV-1")
    while "approval.reminded" not in here.actions.kinds(action.id):
        await here.environment.sleep(timedelta(minutes=10))
    await here.vote(action, "ann")
    await here.ended(action)
    return action


async def revised_while_waiting(here: World) -> Action:
    """Changed by a reviewer and by the agent, with a vote on each revision; the deadline moved, a reminder put off."""
    rule = {"id": "one", "group": "finance", "remind_after": "2h", "expire_after": "2d", "extension": "1d"}
    types = [{**t, "editable": ["amount_minor"]} if t["id"] == "refund.create" else t for t in DOCUMENT["action_types"]]
    here.policies.policy = policy(approvals=[rule, *DOCUMENT["approvals"][1:]], action_types=types)
    action = await here.refund()
    await here.revise(action, {"customer": "c-1", "amount_minor": 4000}, "bob")
    await here.vote(action, "bob", revision=here.approval(action).revision)
    await here.revise(action, {"customer": "c-1", "amount_minor": 3000})
    await here.manage(action, "reassign", "olga", to="ann")
    plan = here.approval(action).plan
    await here.manage(action, "snooze", "ann", until=plan.steps[0].at + timedelta(hours=1))
    await here.manage(action, "extend", "ann", until=plan.expires_at + timedelta(hours=20))
    await here.environment.sleep(timedelta(hours=4))
    await here.vote(action, "ann", revision=here.approval(action).revision)
    await here.ended(action)
    return action


async def escalated_by_steps(here: World) -> Action:
    """Two stages alongside each other, then one with steps of its own, the first of which reaches nobody."""
    stages = [{"group": "finance"}, {"group": "on-call", "alongside": True}, {"group": "legal"}]
    steps = [{"after": "1h", "ask_person": "nobody"}, {"after": "2h", "ask_owner": "agent"}]
    rule = {"id": "one", "stages": stages, "escalation": steps, "expire_after": "2d"}
    groups = [*DOCUMENT["groups"], {"id": "legal", "members": ["out"]}]
    here.policies.policy = policy(approvals=[rule, *DOCUMENT["approvals"][1:]], groups=groups)
    action = await here.refund()
    for person in ("ann", "cem"):
        await here.vote(action, person)
    while here.actions.kinds(action.id).count("approval.escalated") < 1:
        await here.environment.sleep(timedelta(minutes=10))
    await here.vote(action, "olga")
    await here.ended(action)
    return action


async def shown_at_the_third_try(here: World) -> Action:
    here.notifier.failures = [NotifierUnavailable("away"), NotifierUnavailable("wait", retry_after=300)]
    action = await here.submit("refund.create", {"customer": "c-1", "amount_minor": 5000})
    while not here.notifier.shown:
        await here.environment.sleep(timedelta(minutes=1))
    await here.vote(action, "ann")
    await here.ended(action)
    return action


PATHS: dict[str, Callable[[World], Awaitable[Action]]] = {
    path.__name__: path
    for path in (
        executed_at_once,
        executed_after_retries,
        approved_by_two,
        rejected,
        escalated_then_expired,
        withdrawn,
        still_waiting,
        denied,
        held_while_waiting,
        held_before_it_ran,
        approved_in_stages,
        returned_then_answered,
        revised_while_waiting,
        escalated_by_steps,
        shown_at_the_third_try,
    )
}


async def record() -> None:
    """Record the paths that have no history yet."""
    HISTORIES.mkdir(exist_ok=True)
    for name, path in PATHS.items():
        target = HISTORIES / f"{name}.json"
        if target.exists():
            continue
        async with world() as here:
            action = await path(here)
            history = await here.handle(action).fetch_history()
        # Stack traces name the files of the checkout; replay does not read them.
        target.write_text(history.to_json().replace(f"{CHECKOUT}/", ""))
        sys.stdout.write(f"recorded {target.name}\n")


if __name__ == "__main__":
    asyncio.run(record())
    sys.stdout.flush()
    os._exit(0)

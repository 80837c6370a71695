"""Many people at once, in any order: what runs, and only what enough different people approved, runs once."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from domain.action import Action, State
from domain.approval import Decision, Receipt
from domain.errors import RefusalCode
from domain.ledger import EntryKind
from tests.bundles import DOCUMENT, policy
from tests.workflows.world import World, world
from workflows.agent_action import CancelRequest

INTERLEAVINGS = 1000
AT_ONCE = 25
ELIGIBLE, INELIGIBLE = ("ann", "bob", "dan"), ("olga", "cem", "out", "nobody")
PEOPLE = (*ELIGIBLE * 2, *INELIGIBLE)
GROUPS = [{"id": "finance", "members": ["ann", "bob", "dan", "olga"]}, {"id": "on-call", "members": ["cem"]}]
REASONS = ("", "because")


@pytest.fixture
async def here() -> AsyncIterator[World]:
    async with world() as made:
        dan = {"id": "dan", "name": "Dan", "email": "dan@test.example"}
        types = [
            {**kind, "editable": ["amount_minor"]} if kind["id"] == "refund.create" else kind
            for kind in DOCUMENT["action_types"]
        ]
        made.policies.policy = policy(people=[*DOCUMENT["people"], dan], groups=GROUPS, action_types=types)
        yield made


async def clicked(here: World, action: Action, chance: random.Random) -> dict[str, Receipt]:
    """Let people click in one random order, at once: twice with the same click, on stale revisions, with edits."""
    clicks: list[Callable[[], Coroutine[Any, Any, tuple[str, Receipt | None]]]] = []
    for number in range(chance.randint(4, 9)):
        person, decision = chance.choice(PEOPLE), chance.choices(list(Decision), [8, 1, 1])[0]
        changes = {
            "id": f"{action.id}-{number}",
            "reason": chance.choice(REASONS),
            "revision": chance.choices([action.digest, "sha256:" + "0" * 64], [9, 1])[0],
        }

        async def click(
            person: str = person, decision: Decision = decision, changes: dict[str, Any] = changes
        ) -> tuple[str, Receipt | None]:
            return changes["id"], await here.vote(action, person, decision, **dict(changes))

        clicks += [click] * chance.choice([1, 1, 2])
    if chance.random() < 0.3:
        amount = {"customer": "c-1", "amount_minor": 150_000 + chance.randint(1, 9)}

        async def edit(person: str = chance.choice(PEOPLE)) -> tuple[str, Receipt | None]:
            return f"{action.id}-edit", await here.revise(
                action, amount, person, base=action.digest, id=f"{action.id}-edit"
            )

        clicks.append(edit)
    chance.shuffle(clicks)
    answers = await asyncio.gather(*(click() for click in clicks))
    return {ballot: receipt for ballot, receipt in answers if receipt is not None}


@pytest.mark.timeout(300)
async def test_a_thousand_interleavings_of_clicks_run_nothing_that_two_did_not_approve(here: World) -> None:
    for first in range(0, INTERLEAVINGS, AT_ONCE):
        await asyncio.gather(*(one_interleaving(here, seed) for seed in range(first, first + AT_ONCE)))

    runs = Counter(here.executor.runs)
    assert runs and set(runs.values()) == {1}, "nothing ran twice"
    outcomes = Counter(record.state for record in here.actions.records.values())
    assert min(outcomes[state] for state in (State.SUCCEEDED, State.REJECTED, State.CANCELLED)) > 20, outcomes
    here.started.clear()  # the histories of a thousand are not replayed one by one


async def one_interleaving(here: World, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  not for secrets: the same thousand each time
    action = await here.submit("refund.create", {"customer": "c-1", "amount_minor": 200_000})
    while here.actions.records[action.id].state is State.ASSESSING:
        await asyncio.sleep(0.005)
    receipts = await clicked(here, action, chance)
    if here.approval(action).outcome is None:
        await here.workflows.cancel(action.id, CancelRequest(id="end", agent=action.agent), timedelta(seconds=30))
    state = await here.ended(action)

    approval, ran = here.approval(action), here.executor.runs.count(action.id)
    approvers = [vote.person for vote in approval.votes if vote.decision is Decision.APPROVE]
    assert len(approvers) == len(set(approvers))
    assert set(approvers) <= set(ELIGIBLE)
    assert all(vote.revision == approval.revision for vote in approval.votes)
    assert ran == (1 if state is State.SUCCEEDED else 0)
    if ran:
        assert len(approvers) >= 2
        assert approval.revision == here.actions.records[action.id].action.digest
    told = {
        ballot
        for ballot, receipt in receipts.items()
        # What no reviewer could have meant is turned away before it reaches the ledger.
        if receipt.refusal is not None and receipt.refusal.code is not RefusalCode.REASON_REQUIRED
    }
    assert told <= recorded_refusals(here, action), "every refusal that somebody was told is in the ledger"


def recorded_refusals(here: World, action: Action) -> set[str]:
    """Return the ballots and requests whose refusal is in the ledger."""
    found = set()
    for entry in here.actions.entries:
        if entry.action == action.id and entry.kind is EntryKind.VOTE_REFUSED:
            found.add(json.loads(entry.body)["data"]["ballot"])
        if entry.action == action.id and entry.kind is EntryKind.REVISION_REFUSED:
            found.add(entry.key.rpartition("/")[2])
    return found

"""Many people at once, in any order: what runs, and only what enough different people approved, runs once."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from domain.action import Action, State
from domain.approval import Decision, Receipt
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


async def clicked(here: World, action: Action, chance: random.Random) -> list[Receipt]:
    """Let people click in one random order, at once: twice with the same click, on stale revisions, with edits."""
    clicks: list[Callable[[], Coroutine[Any, Any, Receipt | None]]] = []
    for number in range(chance.randint(4, 9)):
        person, decision = chance.choice(PEOPLE), chance.choices(list(Decision), [8, 1, 1])[0]
        changes = {
            "id": f"{action.id}-{number}",
            "reason": chance.choice(REASONS),
            "revision": chance.choices([action.digest, "sha256:" + "0" * 64], [9, 1])[0],
        }

        def click(person: str = person, decision: Decision = decision, changes: dict[str, Any] = changes) -> Any:
            return here.vote(action, person, decision, **dict(changes))

        clicks += [click] * chance.choice([1, 1, 2])
    if chance.random() < 0.3:
        amount = {"customer": "c-1", "amount_minor": 150_000 + chance.randint(1, 9)}
        clicks.append(lambda: here.revise(action, amount, chance.choice(PEOPLE), base=action.digest))
    chance.shuffle(clicks)
    answers = await asyncio.gather(*(click() for click in clicks))
    return [answer for answer in answers if answer is not None]


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
    refused = [entry for entry in here.actions.entries if entry.action == action.id and is_refusal(entry.kind)]
    told = {receipt.model_dump_json() for receipt in receipts if receipt.refusal is not None}
    assert bool(refused) >= bool(told - recorded_nowhere(receipts)), "every refusal is in the ledger"


def is_refusal(kind: EntryKind) -> bool:
    return kind in (EntryKind.VOTE_REFUSED, EntryKind.REVISION_REFUSED)


def recorded_nowhere(receipts: list[Receipt]) -> set[str]:
    """Return the refusals of ballots that no reviewer could have meant: they are turned away before the ledger."""
    return {r.model_dump_json() for r in receipts if r.refusal is not None and r.refusal.code == "reason_required"}

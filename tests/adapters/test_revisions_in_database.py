"""Revisions on real PostgreSQL: proposed with their bytes, made once, and counted by what they say."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from adapters.database import revisions as store
from adapters.database.actions import Actions
from adapters.database.revisions import Revisions
from domain.action import Action, State, Tier
from domain.approval import Approval, ApprovalOutcome, ask, revised
from domain.canonical import digest, revision_bytes
from domain.errors import TooLarge
from domain.guardrails import measure_of, uses_of
from domain.ledger import Actor, ActorKind, EntryKind, entry
from domain.record import ActionRecord, Execution
from local.postgres import EmbeddedPostgres
from tests.databases import NOW, Database, fresh_database
from tests.payments import (
    JUDGED,
    action,
    budget,
    decided,
    emptied,
    guardrails,
    is_let_in,
    measures,
    paying,
    plan,
    submit,
)

LATER = NOW + timedelta(minutes=5)
ANN = Actor(kind=ActorKind.PERSON, id="ann", door="page")
CLERK = Actor(kind=ActorKind.AGENT, id="clerk", door="api")


@pytest.fixture(scope="module")
async def made(shared_postgres: EmbeddedPostgres) -> Database:
    return await fresh_database(shared_postgres)


@pytest.fixture
async def database(made: Database) -> Database:
    return await emptied(made)


@pytest.fixture
async def actions(database: Database) -> AsyncIterator[Actions]:
    async with database.pool(size=8) as pool:
        yield Actions(pool)


@pytest.fixture
async def revisions(database: Database) -> AsyncIterator[Revisions]:
    async with database.pool(size=8) as pool:
        yield Revisions(pool)


async def asked(actions: Actions, amount: int = 1) -> ActionRecord:
    """Return an action that waits for people."""
    new = action()
    await submit(actions, new, guardrails(), paying(amount))
    await decided(actions, new, ask(plan(), new.digest, NOW))
    return await actions.get(new.id)


def version(n: int) -> bytes:
    return revision_bytes({"version": n})


async def proposed(revisions: Revisions, record: ActionRecord, n: int, author: Actor = ANN) -> Action:
    """Propose arguments, and return the action with them."""
    data = version(n)
    await revisions.propose(record.action.id, digest(data), data, author, LATER)
    return record.action.model_copy(update={"digest": digest(data), "arguments_bytes": data})


async def make(
    revisions: Revisions, record: ActionRecord, made: Action, author: Actor = ANN, amount: int = 1, **to: Any
) -> bool:
    """Make a proposed revision the action's own, with an entry that says so."""
    assert record.approval is not None
    said = entry(f"{made.id}/made/{made.digest}", EntryKind.REVISION_MADE, LATER, author, {}, action=made.id)
    approval = revised(record.approval, plan(), made.digest, LATER)
    measure = measure_of(paying(amount, **to))
    return await revisions.make_revision(record, made, author, JUDGED, approval, measure, LATER, [said])


async def test_what_is_proposed_twice_is_stored_once(actions: Actions, revisions: Revisions) -> None:
    record = await asked(actions)

    first = await proposed(revisions, record, 2, ANN)
    await proposed(revisions, record, 2, CLERK)

    found = await revisions.proposed(record.action.id, first.digest)
    assert found is not None
    assert (found.number, found.arguments_bytes, found.author) == (None, version(2), ANN)
    assert await revisions.made(record.action.id) == []


async def test_one_action_has_so_many_proposals_and_no_more(
    actions: Actions, revisions: Revisions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_PROPOSED", 3)
    record, other = await asked(actions), await asked(actions)
    for n in range(3):
        await proposed(revisions, record, n)

    with pytest.raises(TooLarge, match="3 revisions were proposed"):
        await proposed(revisions, record, 3)

    await proposed(revisions, other, 3)


async def test_a_revision_that_is_made_is_the_action_and_the_first_one_is_kept(
    actions: Actions, revisions: Revisions
) -> None:
    record = await asked(actions)

    assert await make(revisions, record, await proposed(revisions, record, 2))

    now = await actions.get(record.action.id)
    assert (now.action.arguments_bytes, now.action.digest) == (version(2), digest(version(2)))
    assert now.approval is not None
    assert now.approval.revision == now.action.digest
    first, second = await revisions.made(record.action.id)
    assert (first.number, first.digest, first.author) == (1, record.action.digest, CLERK)
    assert (second.number, second.digest, second.author, second.made_at) == (2, now.action.digest, ANN, LATER)


async def test_the_author_is_who_asked_for_it_and_not_who_proposed_the_same_before(
    actions: Actions, revisions: Revisions
) -> None:
    record = await asked(actions)
    wanted = await proposed(revisions, record, 2, ANN)

    assert await make(revisions, record, wanted, CLERK)

    assert [revision.author for revision in await revisions.made(record.action.id)] == [CLERK, CLERK]


async def test_the_first_revision_counts_even_when_somebody_proposed_it_again(
    actions: Actions, revisions: Revisions
) -> None:
    record = await asked(actions)
    await revisions.propose(record.action.id, record.action.digest, record.action.arguments_bytes, ANN, LATER)

    assert await make(revisions, record, await proposed(revisions, record, 2))

    first, _ = await revisions.made(record.action.id)
    assert (first.number, first.digest, first.author, first.made_at) == (1, record.action.digest, CLERK, NOW)


async def test_of_two_makers_one_wins_and_the_other_leaves_no_trace(
    actions: Actions, revisions: Revisions, database: Database
) -> None:
    for _ in range(10):
        record = await asked(actions)
        wanted = [await proposed(revisions, record, n) for n in (2, 3)]

        won = await asyncio.gather(*(make(revisions, record, each) for each in wanted))

        assert sorted(won) == [False, True]
        stands = wanted[won.index(True)]
        assert (await actions.get(stands.id)).action == stands
        assert [revision.digest for revision in await revisions.made(stands.id)] == [
            record.action.digest,
            stands.digest,
        ]
        async with database.connection("remit_app") as connection:
            kept = "SELECT key FROM ledger_entry WHERE action = $1 AND kind = 'revision.made'"
            assert await connection.fetchval(f"SELECT array_agg(key) FROM ({kept}) k", stands.id) == [
                f"{stands.id}/made/{stands.digest}"
            ]


async def test_what_was_decided_is_not_revised(actions: Actions, revisions: Revisions) -> None:
    record = await asked(actions)
    assert record.approval is not None
    over = record.approval.model_copy(update={"outcome": ApprovalOutcome.REJECTED, "decided_at": LATER})
    assert await actions.record_approval(record.action.id, over, State.REJECTED, LATER, [])

    assert not await make(revisions, record, await proposed(revisions, record, 2))

    assert (await actions.get(record.action.id)).action == record.action


async def test_budgets_follow_the_revised_amount(actions: Actions, revisions: Revisions, database: Database) -> None:
    limits, record = budget(10), await asked(actions, amount=9)
    assert not await is_let_in(actions, action(), limits, paying(2))

    assert await make(revisions, record, await proposed(revisions, record, 2), amount=3, to=["carl", "dora"])

    rows = await measures(database, record.action)
    assert [(recipient, amount) for recipient, _, _, amount, _ in rows] == [("carl", 3), ("dora", 3)]
    assert sum(once for _, once, _, _, _ in rows) == 1
    assert await is_let_in(actions, action(LATER), limits, paying(7))
    assert not await is_let_in(actions, action(LATER), limits, paying(1))


async def test_only_the_revision_that_was_approved_is_claimed(
    actions: Actions, revisions: Revisions, database: Database
) -> None:
    record = await asked(actions)
    assert await make(revisions, record, await proposed(revisions, record, 2))
    now = await actions.get(record.action.id)

    async def claimed(approval: Approval, named: str) -> object:
        approved = approval.model_copy(update={"outcome": ApprovalOutcome.APPROVED, "decided_at": LATER})
        async with database.connection("remit_app") as connection:  # the store itself refuses an approval of another
            await connection.execute(
                "UPDATE action SET approval = $2::jsonb WHERE id = $1", now.action.id, approved.model_dump_json()
            )
        intent = entry(f"{now.action.id}/{named}", EntryKind.EXECUTION_INTENDED, LATER, CLERK, {}, action=now.action.id)
        return await actions.claim(now.action.id, named, Execution(key=now.action.id, intent_at=LATER), intent)

    assert now.approval is not None
    assert record.approval is not None
    assert await claimed(record.approval, record.action.digest) is None, "the old approval of the old digest"
    assert await claimed(record.approval, now.action.digest) is None, "the old approval of the new digest"
    assert await claimed(now.approval, record.action.digest) is None, "the new approval of the old digest"
    assert await claimed(now.approval, now.action.digest) is not None


async def test_a_limit_that_is_reached_between_the_judgement_and_the_revision_keeps_it_from_being_made(
    actions: Actions, revisions: Revisions
) -> None:
    record = await asked(actions, amount=1)
    made = await proposed(revisions, record, 2)
    limits = budget(10, on_exceed="high")
    uses = uses_of(limits, made, paying(9))
    assert await revisions.beyond(made.id, uses, LATER) == []
    await submit(actions, action(LATER), limits, paying(5))

    over = await revisions.beyond(made.id, uses, LATER)
    assert [use.id for use in over] == ["sum"]
    assert record.approval is not None
    approval = revised(record.approval, plan(), made.digest, LATER)

    async def is_made(exceeded: dict[str, Tier]) -> bool:
        judged = record.model_copy(update={"exceeded": exceeded})
        measure = measure_of(paying(9))
        return await revisions.make_revision(judged, made, ANN, JUDGED, approval, measure, LATER, [], uses)

    assert not await is_made({})
    assert (await actions.get(made.id)).action.digest == record.action.digest
    assert await is_made({"sum": Tier.HIGH})
    assert (await actions.get(made.id)).exceeded == {"sum": Tier.HIGH}

"""Whom to notify: the rules of attention over a real store, whatever is asked twice, lost or changed meanwhile."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.database.actions import Actions
from adapters.database.assignments import Assignments
from adapters.notifiers.whom import WhoseTurn
from domain.action import State
from domain.approval import ApprovalOutcome, Questions, ask
from domain.approval_plan import ApprovalPlan
from domain.catalog import Stage
from domain.policy import Policy
from domain.record import ActionRecord
from domain.votes import Decision, Door, Vote
from local.postgres import EmbeddedPostgres
from tests.bundles import DOCUMENT, policy
from tests.databases import Database, fresh_database, refund, written

ALWAYS = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "opens": "00:00", "closes": "00:00"}
NEVER: dict[str, Any] = {"days": []}
GROUPS = [{"id": "finance", "members": ["ann", "bob", "cem"]}]


class Expected:
    """Digests that are expected, by person."""

    def __init__(self) -> None:
        self.digests: list[tuple[str, datetime]] = []

    async def expect(self, person: str, at: datetime) -> None:
        """Record it."""
        self.digests.append((person, at))


@pytest.fixture
async def database(shared_postgres: EmbeddedPostgres) -> Database:
    return await fresh_database(shared_postgres)


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Any]:
    async with database.pool() as pool:
        yield pool


def company(groups: Any = None, calendars: dict[str, Any] | None = None, **attention: Any) -> Policy:
    people = [{**p, "calendar": (calendars or {}).get(p["id"], ALWAYS)} for p in DOCUMENT["people"]]
    return policy(people=people, groups=groups or GROUPS, attention=attention)


async def waiting(pool: Any, quorum: int = 1, amount: int = 5000, **changes: Any) -> ActionRecord:
    """Store an action that waits, and return its record; 200000 is of tier high."""
    action, judgement = refund(amount)
    now = datetime.now(UTC)
    stages = changes.pop("stages", [Stage(group="finance", quorum=quorum)])
    plan = ApprovalPlan(rule="one", stages=stages, expires_at=now + timedelta(days=2), **changes)
    actions = Actions(pool)
    await actions.submit(action, "olga", action.id, "r", written(1, action.id))
    await actions.record_judgement(action.id, judgement, ask(plan, action.digest), State.PENDING_APPROVAL, now, [])
    return await actions.get(action.id)


def voted(record: ActionRecord, person: str) -> ActionRecord:
    vote = Vote(
        person=person,
        group="finance",
        decision=Decision.APPROVE,
        revision=record.action.digest,
        reason="",
        door=Door.API,
        at=datetime.now(UTC),
    )
    assert record.approval is not None
    return record.model_copy(update={"approval": record.approval.model_copy(update={"votes": [vote]})})


@pytest.fixture
def expected() -> Expected:
    return Expected()


@pytest.fixture
def whom(pool: Any, expected: Expected) -> WhoseTurn:
    return WhoseTurn(Assignments(pool), expected, lambda person: person.slack_user is not None)


async def test_everybody_with_room_is_notified_and_asking_again_changes_nothing(pool: Any, whom: WhoseTurn) -> None:
    record = await waiting(pool)

    first, second = await whom(record, company()), await whom(record, company())

    assert list(first) == list(second) == ["ann", "bob", "cem"]
    assert (await Assignments(pool).loads(["ann"], datetime.now(UTC)))["ann"].open == 1


async def test_who_has_too_much_is_passed_over_for_the_others(pool: Any, whom: WhoseTurn) -> None:
    few = company(groups=[{"id": "finance", "members": ["ann"]}], max_open=2)
    for _ in range(2):
        assert list(await whom(await waiting(pool), few)) == ["ann"]

    record = await waiting(pool)

    assert list(await whom(record, company(max_open=2))) == ["bob", "cem"]
    assert list(await whom(await waiting(pool), few)) == ["ann"]  # when there is nobody else


async def test_who_is_not_to_be_notified_may_vote_all_the_same(pool: Any, whom: WhoseTurn) -> None:
    groups = [{**GROUPS[0], "not_notified": ["bob"]}]
    assert list(await whom(await waiting(pool), company(groups=groups))) == ["ann", "cem"]
    assert list(await whom(await waiting(pool), company(groups=[{**GROUPS[0], "direct_messages": False}]))) == []


async def test_who_may_not_vote_is_not_notified(pool: Any, whom: WhoseTurn) -> None:
    record = await waiting(pool, excluded={"ann": "the agent acts on their behalf"})
    assert list(await whom(record, company())) == ["bob", "cem"]


async def test_a_digest_is_expected_again_until_it_came(pool: Any, whom: WhoseTurn, expected: Expected) -> None:
    record, gathering = await waiting(pool), company(digest_tiers=["medium"], digest_every="1h")

    for _ in range(2):
        assert list(await whom(record, gathering)) == []

    assert [person for person, _ in expected.digests] == ["ann", "bob", "cem"] * 2
    assert len({at for _, at in expected.digests}) == 1  # what was planned stays planned
    await Assignments(pool).digested("ann", [record.action.id], datetime.now(UTC), "ann/1")
    expected.digests.clear()
    assert list(await whom(record, gathering)) == []
    assert [person for person, _ in expected.digests] == ["bob", "cem"]


async def test_whom_no_digest_reaches_gets_everything_at_once(pool: Any, whom: WhoseTurn, expected: Expected) -> None:
    people = [{**p, "slack_user": None} if p["id"] == "bob" else p for p in DOCUMENT["people"]]
    mailed = policy(
        people=people, groups=GROUPS, attention={"digest_tiers": ["medium"], "quiet_hours_except": ["medium"]}
    )

    assert list(await whom(await waiting(pool), mailed)) == ["bob"]

    assert [person for person, _ in expected.digests] == ["ann", "cem"]


async def test_what_becomes_high_tier_waits_for_no_digest(pool: Any, whom: WhoseTurn, expected: Expected) -> None:
    record, gathering = await waiting(pool), company(digest_tiers=["medium"])
    assert list(await whom(record, gathering)) == []
    expected.digests.clear()

    higher = record.model_copy(update={"judgement": refund(200_000)[1]})

    assert list(await whom(higher, gathering)) == ["ann", "bob", "cem"]
    assert expected.digests == []


async def test_high_tier_is_notified_in_quiet_hours(pool: Any, whom: WhoseTurn, expected: Expected) -> None:
    asleep = company(calendars={"ann": NEVER, "bob": NEVER})
    assert list(await whom(await waiting(pool, amount=200_000), asleep)) == ["ann", "bob", "cem"]
    assert list(await whom(await waiting(pool), asleep)) == ["cem"]
    assert expected.digests == []


async def test_who_has_voted_is_needed_no_more(pool: Any, whom: WhoseTurn) -> None:
    record = await waiting(pool, quorum=2)
    assert list(await whom(voted(record, "ann"), company())) == ["bob", "cem"]


async def test_stages_that_are_asked_together_are_notified_together(pool: Any, whom: WhoseTurn) -> None:
    groups = [{"id": "finance", "members": ["ann"]}, {"id": "legal", "members": ["bob"]}]
    stages = [Stage(group="finance"), Stage(group="legal", alongside=True), Stage(group="finance")]
    record = await waiting(pool, stages=stages)
    assert list(await whom(record, company(groups=groups))) == ["ann", "bob"]
    assert list(await whom(voted(record, "ann"), company(groups=groups))) == ["bob"]


async def test_nobody_is_notified_of_what_nobody_is_asked(pool: Any, whom: WhoseTurn) -> None:
    record = await waiting(pool)
    assert record.approval is not None
    question = Questions(person="ann", text="why?", door=Door.PAGE, at=datetime.now(UTC))
    returned = record.approval.model_copy(update={"questions": [question]})
    decided = record.approval.model_copy(update={"outcome": ApprovalOutcome.APPROVED})
    for approval in (None, returned, decided):
        assert list(await whom(record.model_copy(update={"approval": approval}), company())) == []
    assert list(await whom(record.model_copy(update={"state": State.EXPIRED}), company())) == []

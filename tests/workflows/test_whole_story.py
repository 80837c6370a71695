"""One high-tier action with everything at once, over Easter: the exact time of each thing that happens."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.action import State
from domain.approval import Decision
from domain.catalog.holidays import is_holiday
from domain.errors import RefusalCode
from tests.bundles import DOCUMENT, policy
from tests.workflows.world import World, world

BERLIN = ZoneInfo("Europe/Berlin")
SOON = timedelta(seconds=20)
"""How long after its moment a timer's step may be recorded: the server skips time, and work takes some."""


@pytest.fixture
async def here() -> AsyncIterator[World]:
    async with world() as made:
        yield made


def good_friday(after: date) -> date:
    """Return the next Good Friday: a public holiday before a weekend and another public holiday."""
    day = after
    while not (day.weekday() == 4 and is_holiday("DE", day) and is_holiday("DE", day + timedelta(days=3))):
        day += timedelta(days=1)
    return day


def berlin(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), BERLIN)


def rules(friday: date) -> dict[str, object]:
    """Two stages: finance, which works in Berlin, by two of its people, where one alone cannot veto; then a lead."""
    away = {
        "first_day": (friday - timedelta(days=1)).isoformat(),
        "last_day": (friday + timedelta(days=4)).isoformat(),
        "delegate": "out",
    }
    people = [{**p, "absences": [away]} if p["id"] == "ann" else p for p in DOCUMENT["people"]]
    more = [{"id": name, "name": name.title(), "email": f"{name}@test.example"} for name in ("dan", "lia")]
    calendar = {"time_zone": "Europe/Berlin", "holidays": "DE"}
    two = {
        "id": "two",
        "stages": [
            {"group": "finance", "quorum": 2, "vetoes": 2},
            {"group": "leads", "when": 'tier == "high"'},
            {"group": "on-call", "when": "scores.privacy > 0"},
        ],
        "exclude_agent_owner": True,
        "escalation": [
            {"after": "2h", "clock": "business", "remind": True},
            {"after": "4h", "clock": "business", "ask_person": "cem"},
        ],
        "expire_after": "14d",
    }
    editable = [
        {**t, "editable": ["amount_minor"]} if t["id"] == "refund.create" else t for t in DOCUMENT["action_types"]
    ]
    return {
        "people": [*people, *more],
        "groups": [
            {"id": "finance", "members": ["ann", "bob", "dan", "olga"], "calendar": calendar},
            {"id": "on-call", "members": ["cem"]},
            {"id": "leads", "members": ["lia", "dan"]},
        ],
        "approvals": [DOCUMENT["approvals"][0], two, DOCUMENT["approvals"][2]],
        "action_types": editable,
    }


async def test_two_stages_a_veto_an_edit_a_reminder_an_escalation_and_a_delegate_over_easter(here: World) -> None:
    friday = good_friday((await here.environment.get_current_time()).date() + timedelta(days=2))
    thursday, tuesday = friday - timedelta(days=1), friday + timedelta(days=4)
    here.policies.policy = policy(**rules(friday))
    await here.at(berlin(thursday, 16))
    action = await here.refund(200_000)
    assert [stage.group for stage in here.approval(action).plan.stages] == ["finance", "leads"]

    await here.at(berlin(thursday, 16, 10))
    veto = await here.vote(action, "bob", Decision.REJECT, "too much")
    assert veto is not None and veto.accepted and veto.outcome is None, "one of two vetoes"

    await here.at(berlin(thursday, 16, 20))
    edited = await here.revise(action, {"customer": "c-1", "amount_minor": 150_000}, "dan")
    assert edited is not None and edited.accepted
    approval = here.approval(action)
    assert (approval.votes, approval.revisions) == ([], 2)
    asked_at = approval.asked_at
    assert asked_at is not None and timedelta(0) <= asked_at - berlin(thursday, 16, 20) < SOON
    late = asked_at - berlin(thursday, 16, 20)
    # 40 minutes of Thursday count, then nothing until Tuesday at nine.
    remind_at, escalate_at = (step.at for step in approval.plan.steps)
    assert remind_at == berlin(tuesday, 10, 20) + late
    assert escalate_at == berlin(tuesday, 12, 20) + late
    assert approval.plan.expires_at == asked_at + timedelta(days=14)

    old = await here.vote(action, "bob", Decision.REJECT, "still", revision=action.digest)
    assert old is not None and old.refusal is not None and old.refusal.code is RefusalCode.SUPERSEDED
    own = await here.vote(action, "dan", revision=approval.revision)
    assert own is not None and own.refusal is not None and own.refusal.code is RefusalCode.SELF_APPROVAL

    await here.at(berlin(friday, 11))
    delegate = await here.vote(action, "out", revision=approval.revision)
    assert delegate is not None and (delegate.accepted, delegate.approvals, delegate.quorum) == (True, 1, 2)
    assert here.approval(action).votes[0].in_place_of == "ann"
    assert here.approval(action).escalations == []

    await here.at(berlin(tuesday, 12, 21) + SOON)
    reminded, escalated = here.approval(action).escalations
    assert (reminded.kind, escalated.kind, escalated.person) == ("remind", "escalate", "cem")
    assert timedelta(0) <= reminded.at - remind_at < SOON
    assert timedelta(0) <= escalated.at - escalate_at < SOON

    await here.at(berlin(tuesday, 13))
    second = await here.vote(action, "cem", revision=approval.revision)
    assert second is not None and (second.accepted, second.outcome, second.stage) == (True, None, 2)
    await here.at(berlin(tuesday, 13, 30))
    last = await here.vote(action, "lia", revision=approval.revision)
    assert last is not None and last.accepted and last.outcome is not None

    assert await here.ended(action) is State.SUCCEEDED
    assert here.executor.arguments == [{"customer": "c-1", "amount_minor": 150_000}]
    decided_at = here.approval(action).decided_at
    assert decided_at is not None and timedelta(0) <= decided_at - berlin(tuesday, 13, 30) < SOON
    assert here.actions.kinds(action.id) == [
        "action.assessed",
        "approval.requested",
        "vote.accepted",
        "revision.made",
        "action.assessed",
        "approval.requested",
        "vote.refused",
        "vote.refused",
        "vote.accepted",
        "approval.reminded",
        "approval.escalated",
        "vote.accepted",
        "vote.accepted",
        "approval.approved",
        "execution.intended",
        "execution.succeeded",
    ]

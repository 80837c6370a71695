"""How long holds stop an action's clock: each second once, and what was left is what is left."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.approval import Approval, ApprovalOutcome, ask
from domain.errors import RefusalCode
from domain.escalation import postponed
from domain.holds import Hold, HoldScope, held, refused_at_the_door, standing
from tests.approvals import planned
from tests.databases import NOW
from tests.holds import hold, lifted

SECOND = timedelta(seconds=1)
spans = st.lists(st.tuples(st.integers(-20, 60), st.integers(0, 30)), max_size=6)


def at(second: int) -> datetime:
    return NOW + second * SECOND


def holds_of(drawn: list[tuple[int, int]]) -> list[Hold]:
    """Return holds as they will have been in the end: each was lifted."""
    return [lifted(at(begin), at(begin + length)) for begin, length in drawn]


def known_at(holds: list[Hold], second: int) -> list[Hold]:
    """Return what the database says of them at a moment: some are not placed yet, some are still on."""
    not_lifted = {"lifted_at": None, "lifted_by": None, "lift_reason": None}
    return [
        each if each.lifted_at is not None and each.lifted_at <= at(second) else each.model_copy(update=not_lifted)
        for each in holds
        if each.placed_at <= at(second)
    ]


def is_held(holds: list[Hold], second: int) -> bool:
    """Whether any of them is on in the second that begins then."""
    return any(each.placed_at <= at(second) < (each.lifted_at or each.placed_at) for each in holds)


def asked(patience: int) -> Approval:
    plan = planned(
        remind_at=at(patience // 3),
        escalate_at=at(patience // 2),
        escalate_to="on-call",
        expires_at=at(patience),
    )
    return ask(plan, "sha256:" + "0" * 64, NOW)


@given(spans)
def test_the_time_held_is_the_union_of_the_holds_since_it_was_asked(drawn: list[tuple[int, int]]) -> None:
    holds = holds_of(drawn)

    found = standing(holds, NOW)

    assert found.hold is None
    assert found.held_for == sum(is_held(holds, second) for second in range(100)) * SECOND


@given(spans, st.integers(1, 60))
def test_the_clock_runs_only_while_no_hold_is_on_whenever_somebody_looks(
    drawn: list[tuple[int, int]], patience: int
) -> None:
    """Second by second, and the action looks at every one of them: the deadline comes after just its patience."""
    holds, approval, left = holds_of(drawn), asked(patience), patience
    for second in range(200):
        found = standing(known_at(holds, second), NOW)
        approval = postponed(approval, found.held_for)
        active = min((each for each in known_at(holds, second) if not each.lifted_at), key=_placed, default=None)
        frozen_at = max(active.placed_at, NOW) if active else at(second)
        assert approval.plan.expires_at - frozen_at == left * SECOND
        if found.hold is None and approval.plan.expires_at <= at(second):
            break
        left -= not is_held(holds, second)
    assert left == 0


def _placed(hold: Hold) -> datetime:
    return hold.placed_at


@given(spans, spans, st.integers(1, 60))
def test_looking_seldom_gives_the_same_deadlines_as_looking_often(
    first: list[tuple[int, int]], more: list[tuple[int, int]], patience: int
) -> None:
    early, late = holds_of(first), holds_of([(begin + 100, length) for begin, length in more])

    often = postponed(postponed(asked(patience), standing(early, NOW).held_for), standing(early + late, NOW).held_for)

    assert often == postponed(asked(patience), standing(early + late, NOW).held_for)


@given(spans, st.integers(1, 60))
def test_all_deadlines_move_by_the_same_time(drawn: list[tuple[int, int]], patience: int) -> None:
    before = asked(patience)
    held_for = standing(holds_of(drawn), NOW).held_for

    after = postponed(before, held_for)

    assert after.plan.expires_at - before.plan.expires_at == held_for
    for moved, step in zip(after.plan.steps, before.plan.steps, strict=True):
        assert moved.at - step.at == held_for
    assert after.model_copy(update={"plan": before.plan, "held_for": timedelta(0)}) == before


def test_a_decided_approval_is_not_postponed() -> None:
    decided = asked(60).model_copy(update={"outcome": ApprovalOutcome.REJECTED})

    assert postponed(decided, SECOND) is decided


def test_the_oldest_hold_that_is_on_is_the_one_that_is_named() -> None:
    older, newer = hold(placed_at=at(3)), hold(placed_at=at(7))

    assert standing([newer, lifted(at(0), at(1)), older], NOW).hold == older.name


@pytest.mark.parametrize(
    ("changes", "over"),
    [
        ({}, "agent 'clerk'"),
        ({"scope": HoldScope.ACTION_TYPE, "subject": "refund.create"}, "action type 'refund.create'"),
        ({"scope": HoldScope.USE_CASE, "subject": "support"}, "use case 'support'"),
        ({"scope": HoldScope.EVERYTHING, "subject": None}, "everything"),
    ],
)
def test_a_hold_is_named_by_what_it_is_over_since_when(changes: dict[str, object], over: str) -> None:
    assert hold(id="00af", **changes).name == f"hold 00af on {over} since 2026-03-02 09:00:00 UTC"


def test_an_agent_is_told_which_hold_why_and_what_to_do_and_a_person_that_the_clock_stands_still() -> None:
    on = hold(id="00af")

    said = refused_at_the_door(on)

    assert said.startswith("hold 00af on agent 'clerk' since 2026-03-02 09:00:00 UTC, placed by kira: it refunds")
    assert said.endswith("Nothing was accepted; send it again with the same key when the hold is lifted")
    refusal = held(on.name)
    assert refusal.code is RefusalCode.HELD
    assert "hold 00af" in refusal.message
    assert "the clock stands still" in refusal.message
    assert on.reason not in refusal.message, "free text does not go into Temporal's history"

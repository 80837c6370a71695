"""What time does to an approval: steps in their order, whom they reach, and what people may do to the clock."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.approval import Approval, ApprovalOutcome, ask
from domain.approval_plan import ApprovalPlan, PlannedStep, StepKind
from domain.catalog import EscalationStep, Stage
from domain.errors import RefusalCode
from domain.escalation import Reached, extended, next_step, reassigned, scheduled, snoozed, take, waiting
from tests.approvals import planned

REVISION = "sha256:" + "a" * 64
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def hours(number: float) -> datetime:
    return START + timedelta(hours=number)


STEPS = [
    PlannedStep(number=1, at=hours(1)),
    PlannedStep(number=2, at=hours(2), ask_group="on-call"),
    PlannedStep(number=3, at=hours(4), ask_person="dana"),
    PlannedStep(number=4, at=hours(6), ask_owner="use_case"),
]


def asked(**changes: object) -> Approval:
    return ask(planned(**{"steps": STEPS, "expires_at": hours(8), **changes}), REVISION, START)  # type: ignore[arg-type]


def test_steps_come_in_the_order_of_their_moments_and_the_deadline_is_last() -> None:
    approval, seen = asked(), []
    for reached in (None, Reached(group="on-call"), Reached(person="dana"), Reached(person="olga"), None):
        step = next_step(approval)
        seen.append((step.kind, step.at))
        approval = take(approval, step, step.at, reached)

    assert seen == [
        (StepKind.REMIND, hours(1)),
        (StepKind.ESCALATE, hours(2)),
        (StepKind.ESCALATE, hours(4)),
        (StepKind.ESCALATE, hours(6)),
        (StepKind.EXPIRE, hours(8)),
    ]
    assert approval.groups == ["finance", "on-call"]
    assert approval.people == {"dana": "finance", "olga": "finance"}
    assert approval.outcome is ApprovalOutcome.EXPIRED


def test_a_step_that_reaches_nobody_brings_the_next_one_forward() -> None:
    approval = asked()
    approval = take(approval, next_step(approval), hours(1))
    approval = take(approval, next_step(approval), hours(2), Reached(nobody="all are away"))

    following = next_step(approval)
    assert (following.number, following.at) == (3, hours(2))
    assert approval.groups == ["finance"]
    assert approval.escalations[-1].skipped == "all are away"
    assert [step.at for step in waiting(take(approval, following, hours(2), Reached(person="dana")))] == [hours(6)]


def test_when_the_last_step_reaches_nobody_the_deadline_still_comes_at_its_time() -> None:
    approval = asked(steps=STEPS[1:2])
    approval = take(approval, next_step(approval), hours(2), Reached(nobody="all are away"))

    assert (next_step(approval).kind, next_step(approval).at) == (StepKind.EXPIRE, hours(8))


def test_the_next_stages_get_steps_of_their_own() -> None:
    approval = asked()
    approval = take(approval, next_step(approval), hours(1))
    later = scheduled(approval, [PlannedStep(number=1, at=hours(5))])

    assert next_step(later).at == hours(5)
    assert len(later.escalations) == 1


@pytest.mark.parametrize(
    ("until", "extension", "code"),
    [
        (9, timedelta(hours=2), None),
        (10, timedelta(hours=2), None),
        (10.5, timedelta(hours=2), RefusalCode.NOT_OFFERED),
        (8, timedelta(hours=2), RefusalCode.NOT_OFFERED),
        (9, None, RefusalCode.NOT_OFFERED),
    ],
)
def test_the_deadline_moves_within_what_the_policy_allows(
    until: float, extension: timedelta | None, code: RefusalCode | None
) -> None:
    approval = asked(extension=extension)

    after, receipt = extended(approval, hours(until), hours(1))

    assert (receipt.refusal.code if receipt.refusal else None) == code
    assert after.plan.expires_at == (hours(8) if code else hours(until))
    assert extended(after, hours(until), hours(1))[1].refusal is not None, "once"


def test_a_snoozed_reminder_comes_later_and_nothing_else_does() -> None:
    after, receipt = snoozed(asked(), hours(3), hours(0.5))

    assert receipt.accepted
    assert [step.at for step in after.plan.steps] == [hours(3), hours(2), hours(4), hours(6)]
    assert snoozed(after, hours(8), hours(0.5))[1].refusal is not None, "not beyond the deadline"
    assert snoozed(after, hours(2), hours(0.5))[1].refusal is not None, "not earlier than it would come"


def test_a_question_handed_on_twice_is_with_the_last() -> None:
    approval = asked()
    for person in ("ann", "bob", "ann"):
        approval, _ = reassigned(approval, person, hours(1))

    assert approval.assigned == ["bob", "ann"]


@pytest.mark.parametrize("late", [hours(8), hours(9)])
def test_nothing_moves_after_the_deadline(late: datetime) -> None:
    approval = asked(extension=timedelta(days=1))

    for _, receipt in (extended(approval, hours(9), late), snoozed(approval, hours(7), late)):
        assert receipt.refusal is not None and receipt.refusal.code is RefusalCode.EXPIRED


@pytest.mark.parametrize(
    "things", [{}, {"remind": True, "ask_group": "a"}, {"ask_person": "a", "ask_rotation": "b"}], ids=str
)
def test_a_step_does_exactly_one_thing(things: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="a step does one thing"):
        EscalationStep.model_validate({"after": "1h", **things})


def test_a_plan_of_an_earlier_version_reads_as_stages_and_steps() -> None:
    old = {
        "rule": "one",
        "group": "finance",
        "quorum": 2,
        "later": [{"group": "legal", "quorum": 1}],
        "remind_at": hours(1).isoformat(),
        "escalate_at": hours(2).isoformat(),
        "escalate_to": "on-call",
        "expires_at": hours(8).isoformat(),
    }

    plan = ApprovalPlan.model_validate(old)

    assert plan.stages == [Stage(group="finance", quorum=2), Stage(group="legal")]
    assert [(step.kind, step.at, step.ask_group, step.as_named) for step in plan.steps] == [
        (StepKind.REMIND, hours(1), None, False),
        (StepKind.ESCALATE, hours(2), "on-call", True),
    ]
    assert ApprovalPlan.model_validate_json(plan.model_dump_json()) == plan


@given(
    st.lists(st.tuples(st.integers(1, 100), st.booleans(), st.booleans()), max_size=8),
    st.integers(1, 120),
)
def test_steps_are_taken_once_in_order_and_never_after_the_deadline(
    drawn: list[tuple[int, bool, bool]], deadline: int
) -> None:
    steps = [
        PlannedStep(number=n, at=hours(at), ask_person=f"p{n}" if asks else None)
        for n, (at, asks, _) in enumerate(drawn, 1)
    ]
    reaches = {n: reached for n, (_, _, reached) in enumerate(drawn, 1)}
    approval, taken, now = asked(steps=steps, expires_at=hours(deadline)), list[int](), START
    while approval.outcome is None:
        step = next_step(approval)
        assert step.at >= now or step.kind is not StepKind.EXPIRE
        now = max(now, step.at)
        assert now <= hours(deadline)
        if step.number is not None:
            taken.append(step.number)
        found = Reached(person=f"p{step.number}") if reaches.get(step.number or 0) else Reached(nobody="nobody")
        approval = take(approval, step, now, found if step.kind is StepKind.ESCALATE else None)

    assert len(taken) == len(set(taken))
    assert set(taken) >= {step.number for step in steps if step.at < hours(deadline)}
    assert approval.outcome is ApprovalOutcome.EXPIRED

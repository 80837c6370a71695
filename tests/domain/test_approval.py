"""The vote state machine: sequences with the state expected after each step."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from domain.approval import (
    Approval,
    ApprovalOutcome,
    ApprovalPlan,
    Ballot,
    Decision,
    Door,
    Receipt,
    ask,
    cancel,
    cast,
)
from domain.approval_plan import StepKind
from domain.authority import Eligibility, Question, may_vote
from domain.catalog import RejectionReason, Stage
from domain.errors import RefusalCode
from domain.escalation import next_step, take
from domain.policy import Policy
from tests.approvals import planned
from tests.bundles import DOCUMENT, policy

REVISION = "sha256:" + "a" * 64
OTHER_REVISION = "sha256:" + "c" * 64
ASKED_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LEGAL = {"id": "legal", "members": ["cem", "ann"]}
POLICY = policy(groups=[*DOCUMENT["groups"], LEGAL])


@dataclass(frozen=True)
class Vote:
    """A ballot by `person`, so many hours after the question."""

    person: str
    decision: Decision = Decision.APPROVE
    reason: str = ""
    hour: float = 1
    revision: str = REVISION


@dataclass(frozen=True)
class Time:
    """The next timer fires."""

    kind: StepKind


@dataclass(frozen=True)
class Withdraw:
    """The agent takes it back."""

    hour: float = 1


Move = Vote | Time | Withdraw


def yes(person: str, hour: float = 1) -> Vote:
    return Vote(person, hour=hour)


def no(person: str, reason: str = "wrong customer", hour: float = 1) -> Vote:
    return Vote(person, Decision.REJECT, reason, hour)


def plan(quorum: int) -> ApprovalPlan:
    """Ask finance (ann, bob, olga), not olga; remind after 2 h, escalate to on-call (cem) after 4 h, end after 8 h."""
    return planned(
        quorum=quorum,
        excluded={"olga": "they own the agent 'clerk'"},
        remind_at=ASKED_AT + timedelta(hours=2),
        escalate_at=ASKED_AT + timedelta(hours=4),
        escalate_to="on-call",
        expires_at=ASKED_AT + timedelta(hours=8),
    )


def staged(*stages: tuple[str, int], **changes: object) -> ApprovalPlan:
    """Ask one group after the other, with the timers of `plan`."""
    asked = [Stage(group=name, quorum=wanted) for name, wanted in stages]
    return plan(1).model_copy(update={"stages": asked, "excluded": {}, **changes})


def play(approval: Approval, move: Move, rules: Policy = POLICY) -> tuple[Approval, Receipt | None]:
    """Make one move, with eligibility judged by the bundle as the workflow has it judged."""
    if isinstance(move, Time):
        step = next_step(approval)
        assert step.kind is move.kind
        return take(approval, step, step.at), None
    now = ASKED_AT + timedelta(hours=move.hour)
    if isinstance(move, Withdraw):
        return cancel(approval, now)
    ballot = Ballot(
        id=f"{move.person}-{move.hour}",
        person=move.person,
        decision=move.decision,
        revision=move.revision,
        reason=move.reason,
        door=Door.PAGE,
    )
    question = Question(
        at=now,
        groups=approval.groups,
        excluded=approval.plan.excluded,
        approving=move.decision is Decision.APPROVE,
    )
    eligibility = may_vote(move.person, rules, question)
    return cast(approval, ballot, eligibility, now)


def state_of(approval: Approval) -> str:
    """Write a state as the table does: the outcome, or how many approvals there are; of several stages, in which."""
    if approval.outcome:
        return approval.outcome.value
    return f"{f'stage {approval.stage}:' if len(approval.plan.stages) > 1 else 'waiting'} {approval.approvals}"


REMIND, ESCALATE, EXPIRE = Time(StepKind.REMIND), Time(StepKind.ESCALATE), Time(StepKind.EXPIRE)

# What happens, what the voter is told (a refusal's code, "" where it counts or nobody asks), and the state after it.
Row = tuple[Move, str, str]
TABLE: dict[str, tuple[int, list[Row]]] = {
    "one approval is enough for a quorum of one": (1, [(yes("ann"), "", "approved")]),
    "a quorum of two takes two people": (2, [(yes("ann"), "", "waiting 1"), (yes("bob"), "", "approved")]),
    "one rejection ends it, whatever the quorum": (2, [(yes("ann"), "", "waiting 1"), (no("bob"), "", "rejected")]),
    "whoever comes after an approval is told so": (
        1,
        [(yes("ann"), "", "approved"), (no("bob"), "already_decided", "approved")],
    ),
    "whoever comes after a rejection is told so": (
        1,
        [(no("ann"), "", "rejected"), (yes("bob"), "already_decided", "rejected")],
    ),
    "one person counts once": (
        2,
        [(yes("ann"), "", "waiting 1"), (yes("ann", 2), "duplicate_vote", "waiting 1"), (yes("bob"), "", "approved")],
    ),
    "nobody takes an approval back by rejecting later": (
        2,
        [(yes("ann"), "", "waiting 1"), (no("ann"), "duplicate_vote", "waiting 1")],
    ),
    "a vote on another revision does not count": (
        1,
        [
            (Vote("ann", revision=OTHER_REVISION), "superseded", "waiting 0"),
            (Vote("bob", Decision.REJECT, "no", revision=OTHER_REVISION), "superseded", "waiting 0"),
            (yes("ann"), "", "approved"),
        ],
    ),
    "who is in no group that is asked may not vote": (
        1,
        [(yes("out"), "not_eligible", "waiting 0"), (no("nobody"), "not_eligible", "waiting 0")],
    ),
    "who is excluded may neither approve nor reject": (
        1,
        [(yes("olga"), "self_approval", "waiting 0"), (no("olga"), "self_approval", "waiting 0")],
    ),
    "a rejection without a reason does not count": (
        1,
        [
            (no("ann", ""), "reason_required", "waiting 0"),
            (no("ann", " \n"), "reason_required", "waiting 0"),
            (no("ann"), "", "rejected"),
        ],
    ),
    "a vote at the deadline is too late, although no timer has fired": (
        1,
        [(yes("ann", 8), "expired", "waiting 0"), (no("bob", hour=9), "expired", "waiting 0")],
    ),
    "a vote a moment before the deadline counts": (1, [(yes("ann", 7.9999), "", "approved")]),
    "silence reminds, escalates and expires": (
        1,
        [(REMIND, "", "waiting 0"), (ESCALATE, "", "waiting 0"), (EXPIRE, "", "expired")],
    ),
    "one approval of two is still silence at the deadline": (
        2,
        [
            (yes("ann"), "", "waiting 1"),
            (REMIND, "", "waiting 1"),
            (ESCALATE, "", "waiting 1"),
            (EXPIRE, "", "expired"),
        ],
    ),
    "after it expired nothing counts": (
        1,
        [
            *(
                (move, "", state)
                for move, state in ((REMIND, "waiting 0"), (ESCALATE, "waiting 0"), (EXPIRE, "expired"))
            ),
            (yes("ann", 9), "expired", "expired"),
            (Withdraw(9), "expired", "expired"),
        ],
    ),
    "the second group may vote once it is asked": (
        1,
        [
            (yes("cem"), "not_eligible", "waiting 0"),
            (REMIND, "", "waiting 0"),
            (ESCALATE, "", "waiting 0"),
            (yes("cem", 5), "", "approved"),
        ],
    ),
    "both groups make up one quorum": (
        2,
        [
            (yes("ann"), "", "waiting 1"),
            (REMIND, "", "waiting 1"),
            (ESCALATE, "", "waiting 1"),
            (yes("cem", 5), "", "approved"),
        ],
    ),
    "the first group may still vote after the escalation": (
        1,
        [(REMIND, "", "waiting 0"), (ESCALATE, "", "waiting 0"), (yes("bob", 5), "", "approved")],
    ),
    "the agent can withdraw while it waits": (
        2,
        [(yes("ann"), "", "waiting 1"), (Withdraw(), "", "cancelled"), (yes("bob"), "already_decided", "cancelled")],
    ),
    "the agent cannot withdraw what is decided": (
        1,
        [(yes("ann"), "", "approved"), (Withdraw(), "already_decided", "approved")],
    ),
    "withdrawing twice is refused the second time": (
        1,
        [(Withdraw(), "", "cancelled"), (Withdraw(2), "already_decided", "cancelled")],
    ),
}


@pytest.mark.parametrize(("quorum", "rows"), TABLE.values(), ids=TABLE.keys())
def test_each_sequence_of_the_table_goes_as_it_says(quorum: int, rows: list[Row]) -> None:
    approval = played(ask(plan(quorum), REVISION), rows)

    assert (approval.quorum, approval.stage) == (quorum, 1)


def played(approval: Approval, rows: list[Row], rules: Policy = POLICY) -> Approval:
    """Play a sequence, comparing what happens with what the table says, and return the end."""
    for move, told, state in rows:
        before = approval
        approval, receipt = play(approval, move, rules)
        code = receipt.refusal.code.value if receipt and receipt.refusal else ""
        assert (code, state_of(approval)) == (told, state), move
        if receipt is not None:
            assert receipt.accepted is (told == "")
            assert (receipt.outcome, receipt.approvals) == (approval.outcome, approval.approvals)
            assert (receipt.quorum, receipt.stage) == (approval.quorum, approval.stage)
            assert receipt.stages == len(approval.plan.stages)
        if told:
            assert approval == before, "a refused ballot changes nothing"
    return approval


# Finance has ann, bob and olga, legal has cem and ann; on-call, to whom silence escalates, has cem.
TWO = staged(("finance", 2), ("legal", 1))
BOTH = staged(("finance", 1), ("legal", 2))
AGAIN = staged(("finance", 1), ("legal", 2), exclude_earlier_stages=False)
THREE = staged(("finance", 1), ("legal", 1), ("finance", 1))
STAGES: dict[str, tuple[ApprovalPlan, list[Row]]] = {
    "a later stage is asked when the earlier has its quorum": (
        TWO,
        [
            (yes("bob"), "", "stage 1: 1"),
            (yes("cem"), "not_eligible", "stage 1: 1"),
            (yes("olga"), "", "stage 2: 0"),
            (yes("cem"), "", "approved"),
        ],
    ),
    "a vote counts for the stage that is asked, and the earlier group has had its say": (
        BOTH,
        [(yes("bob"), "", "stage 2: 0"), (yes("olga"), "not_eligible", "stage 2: 0"), (yes("cem"), "", "stage 2: 1")],
    ),
    "nobody approves in two stages": (
        staged(("finance", 1), ("legal", 1)),
        [(yes("ann"), "", "stage 2: 0"), (yes("ann"), "duplicate_vote", "stage 2: 0"), (yes("cem"), "", "approved")],
    ),
    "nor rejects after they approved": (
        staged(("finance", 1), ("legal", 1)),
        [(yes("ann"), "", "stage 2: 0"), (no("ann"), "duplicate_vote", "stage 2: 0")],
    ),
    "where the policy lets them, they approve in each stage, once": (
        AGAIN,
        [
            (yes("ann"), "", "stage 2: 0"),
            (yes("ann"), "", "stage 2: 1"),
            (yes("ann"), "duplicate_vote", "stage 2: 1"),
            (yes("cem"), "", "approved"),
        ],
    ),
    "one rejection in the first stage ends it": (TWO, [(yes("bob"), "", "stage 1: 1"), (no("ann"), "", "rejected")]),
    "one rejection in the last stage ends it, whatever came before": (
        TWO,
        [(yes("bob"), "", "stage 1: 1"), (yes("olga"), "", "stage 2: 0"), (no("cem"), "", "rejected")],
    ),
    "the deadline is one for all stages": (
        TWO,
        [
            (yes("bob"), "", "stage 1: 1"),
            (yes("olga"), "", "stage 2: 0"),
            (REMIND, "", "stage 2: 0"),
            (ESCALATE, "", "stage 2: 0"),
            (EXPIRE, "", "expired"),
            (yes("cem", 9), "expired", "expired"),
        ],
    ),
    "an escalation helps the stage in which it comes": (
        TWO,
        [
            (REMIND, "", "stage 1: 0"),
            (ESCALATE, "", "stage 1: 0"),
            (yes("cem", 5), "", "stage 1: 1"),
            (yes("bob", 5), "", "stage 2: 0"),
            (yes("cem", 5), "duplicate_vote", "stage 2: 0"),
            (yes("ann", 5), "", "approved"),
        ],
    ),
    "and no stage after it": (
        staged(("finance", 1), ("finance", 1)),
        [
            (REMIND, "", "stage 1: 0"),
            (ESCALATE, "", "stage 1: 0"),
            (yes("ann", 5), "", "stage 2: 0"),
            (yes("cem", 5), "not_eligible", "stage 2: 0"),
        ],
    ),
    "three stages, the first group twice": (
        THREE,
        [
            (yes("ann"), "", "stage 2: 0"),
            (yes("cem"), "", "stage 3: 0"),
            (yes("ann"), "duplicate_vote", "stage 3: 0"),
            (yes("bob"), "", "approved"),
        ],
    ),
    "the agent can withdraw between stages": (
        TWO,
        [(yes("bob"), "", "stage 1: 1"), (yes("olga"), "", "stage 2: 0"), (Withdraw(), "", "cancelled")],
    ),
    "a vote on another revision counts in no stage": (
        BOTH,
        [(yes("bob"), "", "stage 2: 0"), (Vote("cem", revision=OTHER_REVISION), "superseded", "stage 2: 0")],
    ),
}


@pytest.mark.parametrize(("planned", "rows"), STAGES.values(), ids=STAGES.keys())
def test_each_sequence_of_stages_goes_as_the_table_says(planned: ApprovalPlan, rows: list[Row]) -> None:
    played(ask(planned, REVISION), rows)


def test_each_vote_keeps_its_stage_and_each_stage_its_count() -> None:
    approval = played(ask(TWO, REVISION), STAGES["a later stage is asked when the earlier has its quorum"][1])

    assert [(vote.person, vote.group, vote.stage) for vote in approval.votes] == [
        ("bob", "finance", 1),
        ("olga", "finance", 1),
        ("cem", "legal", 2),
    ]
    assert [approval.approvals_in(stage) for stage in (1, 2)] == [2, 1]
    assert approval.asked_so_far == ["finance", "legal"]


def test_a_vote_in_two_stages_is_refused_with_the_stage_that_needs_somebody_else() -> None:
    approval, _ = play(ask(staged(("finance", 1), ("legal", 1)), REVISION), yes("ann"))

    _, receipt = play(approval, yes("ann"))

    assert receipt is not None and receipt.refusal is not None
    assert receipt.refusal.message == (
        "ann already voted to approve; one person counts once over all stages, so somebody else has to decide stage 2"
    )


def test_a_reminder_goes_to_the_group_of_the_stage_that_is_asked() -> None:
    approval, _ = play(ask(staged(("finance", 1), ("legal", 1)), REVISION), yes("bob"))
    assert next_step(approval).summary == "remind legal"

    approval, _ = play(approval, REMIND)

    assert [(done.kind, done.group) for done in approval.escalations] == [("remind", "legal")]


STANDING_IN = policy(
    people=[
        {**person, "absences": [{"first_day": "2026-03-01", "last_day": "2026-03-05", "delegate": "out"}]}
        if person["id"] in ("ann", "bob")
        else person
        for person in DOCUMENT["people"]
    ],
    groups=[*DOCUMENT["groups"], LEGAL],
)
# Ann and bob are away with the delegate out; olga is excluded from finance.
PLACES: dict[str, tuple[ApprovalPlan, list[Row]]] = {
    "a delegate's vote counts": (plan(1), [(yes("out"), "", "approved")]),
    "a delegate counts once, whatever places they could take": (
        plan(2),
        [(yes("out"), "", "waiting 1"), (yes("out"), "duplicate_vote", "waiting 1"), (yes("bob"), "", "approved")],
    ),
    "a place counts once: the member after the delegate": (
        plan(2),
        [(yes("out"), "", "waiting 1"), (yes("ann"), "duplicate_vote", "waiting 1"), (yes("bob"), "", "approved")],
    ),
    "the delegate takes a place that is free": (
        plan(2),
        [(yes("ann"), "", "waiting 1"), (yes("out"), "", "approved")],
    ),
    "no place is free": (
        plan(3),
        [(yes("ann"), "", "waiting 1"), (yes("bob"), "", "waiting 2"), (yes("out"), "duplicate_vote", "waiting 2")],
    ),
    "a rejection needs no free place": (
        plan(3),
        [(yes("ann"), "", "waiting 1"), (yes("bob"), "", "waiting 2"), (no("out"), "", "rejected")],
    ),
    "the member back at work may still reject": (
        plan(2),
        [(yes("out"), "", "waiting 1"), (no("ann"), "", "rejected")],
    ),
}


@pytest.mark.parametrize(("planned", "rows"), PLACES.values(), ids=PLACES.keys())
def test_each_sequence_with_delegates_goes_as_the_table_says(planned: ApprovalPlan, rows: list[Row]) -> None:
    played(ask(planned, REVISION), rows, STANDING_IN)


def test_a_delegates_vote_is_theirs_and_says_in_whose_place() -> None:
    approval, _ = play(ask(plan(3), REVISION), yes("ann"), STANDING_IN)
    approval, _ = play(approval, yes("out"), STANDING_IN)

    assert [(vote.person, vote.in_place_of) for vote in approval.votes] == [("ann", None), ("out", "bob")]

    _, receipt = play(approval, yes("bob"), STANDING_IN)

    assert receipt is not None and receipt.refusal is not None
    assert receipt.refusal.message == "out already voted to approve in the place of bob; one place counts once"


def test_where_approvals_need_a_reason_one_without_does_not_count() -> None:
    approval = ask(plan(1).model_copy(update={"reason_required": True}), REVISION)

    after, receipt = play(approval, yes("ann"))

    assert after == approval
    assert receipt is not None and receipt.refusal is not None
    assert receipt.refusal.code is RefusalCode.REASON_REQUIRED
    assert receipt.refusal.message == "an approval by the rule 'one' needs a reason: say what you checked"
    after, _ = play(approval, Vote("ann", reason=" I called them. "))
    assert (after.outcome, after.votes[0].reason) == (ApprovalOutcome.APPROVED, "I called them.")


def test_an_approval_is_good_for_its_lifetime_from_the_decision_on() -> None:
    asked = ask(plan(1).model_copy(update={"approval_lifetime": timedelta(hours=3)}), REVISION)
    approved, _ = play(asked, yes("ann"))
    rejected, _ = play(asked, no("ann"))

    assert approved.void_at == ASKED_AT + timedelta(hours=4)
    assert (asked.void_at, rejected.void_at) == (None, None)
    assert play(ask(plan(1), REVISION), yes("ann"))[0].void_at is None


def test_an_approval_recorded_before_there_were_stages_reads_as_one_stage() -> None:
    recorded = {
        "plan": {
            "rule": "one",
            "group": "finance",
            "quorum": 2,
            "expires_at": (ASKED_AT + timedelta(hours=8)).isoformat(),
        },
        "revision": REVISION,
        "groups": ["finance"],
    }

    approval = played(Approval.model_validate(recorded), [(yes("ann"), "", "waiting 1"), (yes("bob"), "", "approved")])

    assert approval.plan.stages == [Stage(group="finance", quorum=2)]


LISTED = [{"id": "amount", "title": "The amount is wrong"}, {"id": "other", "title": "Something else"}]


@pytest.mark.parametrize(
    ("decision", "chosen", "reason", "code"),
    [
        (Decision.REJECT, "amount", "too much", None),
        (Decision.REJECT, "amount", "", RefusalCode.REASON_REQUIRED),
        (Decision.REJECT, None, "too much", RefusalCode.REASON_REQUIRED),
        (Decision.REJECT, "mood", "too much", RefusalCode.REASON_REQUIRED),
        (Decision.APPROVE, None, "", None),
        (Decision.RETURN, None, "how much?", None),
    ],
)
def test_a_rejection_names_one_of_the_reasons_of_its_rule(
    decision: Decision, chosen: str | None, reason: str, code: RefusalCode | None
) -> None:
    listed = [RejectionReason.model_validate(each) for each in LISTED]
    asked = ask(plan(1).model_copy(update={"rejection_reasons": listed}), REVISION)
    ballot = Ballot(
        id="1", person="ann", decision=decision, revision=REVISION, reason=reason, reason_id=chosen, door=Door.PAGE
    )

    after, receipt = cast(asked, ballot, Eligibility(person="ann", group="finance"), ASKED_AT)

    assert (receipt.refusal.code if receipt.refusal else None) is code
    if code is not None and receipt.refusal is not None and chosen != "amount":
        assert receipt.refusal.message == (
            "a rejection by the rule 'one' names one of its reasons: "
            "amount (The amount is wrong), other (Something else)"
        )
    if code is None and decision is Decision.REJECT:
        assert after.votes[0].why == "The amount is wrong: too much"


def test_a_vote_records_who_as_what_through_which_door_and_when() -> None:
    approval, _ = play(ask(plan(1), REVISION), no("ann", "  the invoice is not theirs "))

    (vote,) = approval.votes
    assert (vote.person, vote.group, vote.decision, vote.door) == ("ann", "finance", Decision.REJECT, Door.PAGE)
    assert vote.reason == "the invoice is not theirs"
    assert vote.at == approval.decided_at == ASKED_AT + timedelta(hours=1)


def test_a_vote_of_the_second_group_counts_as_of_that_group() -> None:
    approval = ask(plan(1), REVISION)
    for move in (REMIND, ESCALATE, yes("cem", 5)):
        approval, _ = play(approval, move)

    assert [vote.group for vote in approval.votes] == ["on-call"]
    assert [(done.kind, done.group) for done in approval.escalations] == [
        ("remind", "finance"),
        ("escalate", "on-call"),
    ]


@pytest.mark.parametrize(
    ("first", "said"),
    [
        (yes("ann"), "ann approved it at 2026-03-02 10:00:00 UTC"),
        (no("bob"), "bob rejected it at 2026-03-02 10:00:00 UTC"),
        (Withdraw(), "the agent withdrew the action at 2026-03-02 10:00:00 UTC"),
    ],
)
def test_whoever_is_late_is_told_who_decided_and_when(first: Move, said: str) -> None:
    approval, _ = play(ask(plan(1), REVISION), first)

    _, receipt = play(approval, yes("bob", 2))

    assert receipt is not None and receipt.refusal is not None
    assert receipt.refusal.message == said


def test_the_deadline_is_reported_as_such_and_never_as_a_denial() -> None:
    approval = ask(plan(1), REVISION)
    for move in (REMIND, ESCALATE, EXPIRE):
        approval, _ = play(approval, move)

    _, receipt = play(approval, yes("ann", 9))

    assert receipt is not None and receipt.refusal is not None
    assert receipt.refusal.code is RefusalCode.EXPIRED
    assert "without a decision; nothing was executed" in receipt.refusal.message


def test_an_eligibility_of_somebody_else_does_not_count() -> None:
    approval = ask(plan(1), REVISION)
    ballot = Ballot(id="1", person="out", decision=Decision.APPROVE, revision=REVISION, door=Door.API)
    of_ann = may_vote("ann", POLICY, Question(at=ASKED_AT, groups=approval.groups))

    after, receipt = cast(approval, ballot, of_ann, ASKED_AT)

    assert after == approval
    assert receipt.refusal is not None and receipt.refusal.code is RefusalCode.NOT_ELIGIBLE


def test_without_timers_the_next_step_is_the_deadline() -> None:
    bare = planned(quorum=2, expires_at=ASKED_AT + timedelta(hours=1))

    step = next_step(ask(bare, REVISION))

    assert (step.kind, step.at) == (StepKind.EXPIRE, bare.expires_at)


def test_a_step_that_comes_after_the_decision_changes_nothing() -> None:
    waiting = ask(plan(1), REVISION)
    step = next_step(waiting)
    approved, _ = play(waiting, yes("ann"))

    assert take(approved, step, step.at) == approved


@pytest.mark.parametrize("outcome", list(ApprovalOutcome))
def test_only_approved_goes_on_to_execution(outcome: ApprovalOutcome) -> None:
    state = outcome.state
    assert (state is None) is (outcome is ApprovalOutcome.APPROVED)
    assert state is None or state.final

"""Stages alongside each other, vetoes and questions: sequences with the state expected after each step."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.approval import Approval, Ballot, Decision, Door, answered, ask, cancel, cast, revised
from domain.approval_plan import ApprovalPlan
from domain.authority import Question, may_vote
from domain.catalog import Stage
from tests.approvals import planned
from tests.bundles import DOCUMENT, policy

REVISION, OTHER = ("sha256:" + letter * 64 for letter in "ab")
ASKED_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LEGAL = {"id": "legal", "members": ["cem", "ann"]}
POLICY = policy(groups=[*DOCUMENT["groups"], LEGAL])

FINANCE, LAW = Stage(group="finance"), Stage(group="legal", alongside=True)
BOTH_THEN_ON_CALL = [FINANCE, LAW, Stage(group="on-call")]
TWO_OF_EACH = [Stage(group="finance", quorum=2), Stage(group="legal", quorum=2, alongside=True)]
TWO_VETOES = [Stage(group="finance", quorum=2, vetoes=2)]

# A row: who does what ("+" approves, "-" rejects, "?" returns, "=" the agent answers, "x" it withdraws), the refusal's
# code or "", and the state after it: the outcome, or each stage that is asked with its approvals.
TABLE: dict[str, tuple[list[Stage], str]] = {
    "both are asked, in any order": (BOTH_THEN_ON_CALL, "+cem ''  1:0 2:1 | +bob '' 3:0 | +olga not_eligible 3:0"),
    "the next stage takes somebody else": (
        BOTH_THEN_ON_CALL,
        "+cem '' 1:0 2:1 | +bob '' 3:0 | +cem duplicate_vote 3:0",
    ),
    "who is of both helps where approvals lack": ([FINANCE, LAW], "+bob '' 1:1 2:0 | +ann '' approved"),
    "and first where it was asked first": ([FINANCE, LAW], "+ann '' 1:1 2:0 | +cem '' approved"),
    "one person is not two stages": ([FINANCE, LAW], "+ann '' 1:1 2:0 | +ann duplicate_vote 1:1 2:0"),
    "a stage that is met can still be vetoed": ([FINANCE, LAW], "+ann '' 1:1 2:0 | -bob '' rejected"),
    "each quorum is met by itself": (
        TWO_OF_EACH,
        "+bob '' 1:1 2:0 | +olga '' 1:2 2:0 | +ann '' 1:2 2:1 | +cem '' approved",
    ),
    "one of two vetoes ends nothing": (TWO_VETOES, "-bob '' 1:0 | +ann '' 1:1 | +olga '' approved"),
    "two of two do": (TWO_VETOES, "-bob '' 1:0 | +ann '' 1:1 | -olga '' rejected"),
    "nobody vetoes twice": (TWO_VETOES, "-bob '' 1:0 | -bob duplicate_vote 1:0"),
    "questions stop approvals, not rejections": (
        [FINANCE],
        "?ann '' 1:0 | +bob questions_open 1:0 | ?bob questions_open 1:0 | -bob '' rejected",
    ),
    "an answer lets them go on, and who asked may vote": ([FINANCE], "?ann '' 1:0 | =_ '' 1:0 | +ann '' approved"),
    "an answer to nothing is refused": (
        [FINANCE],
        "=_ not_waiting 1:0 | +ann '' approved | =_ already_decided approved",
    ),
    "a stranger cannot return it": ([FINANCE], "?cem not_eligible 1:0"),
    "nor anybody after the end": ([FINANCE], "+ann '' approved | ?bob already_decided approved"),
    "approvals from before the questions stay": (
        [Stage(group="finance", quorum=2)],
        "+bob '' 1:1 | ?ann '' 1:1 | =_ '' 1:1 | +ann '' approved",
    ),
    "the agent withdraws what was returned": ([FINANCE], "?ann '' 1:0 | x_ '' cancelled"),
}
MEANING = {"+": Decision.APPROVE, "-": Decision.REJECT, "?": Decision.RETURN}


def play(approval: Approval, move: str, number: int) -> tuple[Approval, str]:
    now = ASKED_AT + timedelta(minutes=number)
    if move[0] == "=":
        approval, receipt = answered(approval, "so", now)
    elif move[0] == "x":
        approval, receipt = cancel(approval, now)
    else:
        ballot = Ballot(
            id=str(number),
            person=move[1:],
            decision=MEANING[move[0]],
            revision=approval.revision,
            reason="because",
            door=Door.API,
        )
        question = Question(at=now, groups=approval.wanted_first, approving=move[0] == "+")
        approval, receipt = cast(approval, ballot, may_vote(move[1:], POLICY, question), now)
    return approval, receipt.refusal.code.value if receipt.refusal else ""


def state_of(approval: Approval) -> str:
    if approval.outcome:
        return approval.outcome.value
    return " ".join(f"{stage}:{approval.approvals_in(stage)}" for stage in approval.open_stages)


@pytest.mark.parametrize(("stages", "sequence"), TABLE.values(), ids=TABLE.keys())
def test_each_sequence_goes_as_the_table_says(stages: list[Stage], sequence: str) -> None:
    approval = ask(asked_in(stages), REVISION)
    for number, row in enumerate(sequence.split(" | "), 1):
        move, told, *state = row.split()
        approval, code = play(approval, move, number)
        assert (code, state_of(approval)) == (told.strip("'"), " ".join(state)), row


def asked_in(stages: list[Stage]) -> ApprovalPlan:
    return planned(stages=stages, expires_at=ASKED_AT + timedelta(hours=8))


def test_a_new_revision_starts_from_nothing_and_keeps_what_was_asked_and_answered() -> None:
    before = ask(asked_in(BOTH_THEN_ON_CALL), REVISION)
    for number, move in enumerate(("+cem", "?ann")):
        before, _ = play(before, move, number)

    after = revised(before, before.plan, OTHER, ASKED_AT + timedelta(hours=1))

    assert (after.votes, after.stage, after.revision, after.revisions) == ([], 1, OTHER, 2)
    assert after.returned is None
    assert [(each.person, each.answer) for each in after.questions] == [("ann", "(a new revision)")]


def test_questions_do_not_move_the_deadline() -> None:
    asked = ask(planned(remind_at=ASKED_AT + timedelta(hours=2), expires_at=ASKED_AT + timedelta(hours=8)), REVISION)
    returned, _ = play(asked, "?ann", 30)
    back, _ = answered(returned, "so", ASKED_AT + timedelta(hours=3))

    assert back.plan.expires_at == asked.plan.expires_at
    assert back.plan.steps[0].at == ASKED_AT + timedelta(hours=4, minutes=30)
    late, receipt = answered(returned, "so", ASKED_AT + timedelta(hours=8))
    assert late == returned and receipt.refusal is not None and receipt.refusal.code == "expired"

"""Records of actions as the notifier gets them: judged by the tests' policy, asked, voted on."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from adapters.notifiers.slack.buttons import Place
from adapters.notifiers.slack.seal import Seal
from domain.action import Action, Context, ExecutionResult, Outcome, State, Submission
from domain.approval import Approval, Ballot, Decision, Door, ask, cast
from domain.authority import Question, may_vote
from domain.canonical import digest, revision_bytes
from domain.policy import Policy
from domain.record import ActionRecord, Execution
from tests.approvals import planned
from tests.bundles import FACTS, policy

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
PUBLIC_URL = "https://remit.test.example/"
POLICY = policy()
SEAL = Seal(SecretStr("a key for the buttons of tests"))
PLACE = Place("C01FINANCE", SEAL)
ACTION_ID = "0123456789abcdef0123456789abcdef"
REFUND: dict[str, Any] = {"customer": "c-7", "amount_minor": 4200, "note": "arrived broken"}
MAIL: dict[str, Any] = {"to": "ana@customer.example", "subject": "Your order", "body": "Dear Ana,\n\nall is well."}


def waiting(
    arguments: dict[str, Any],
    *,
    action_type: str = "refund.create",
    context: Context | None = None,
    rules: Policy = POLICY,
    action_id: str = ACTION_ID,
    groups: tuple[str, ...] = ("finance",),
) -> ActionRecord:
    """Return a record that waits for people, judged by the policy."""
    submission = Submission(
        use_case="support", action_type=action_type, arguments=arguments, context=context or Context()
    )
    judgement = rules.judge(rules.admit("clerk", submission), arguments, submission.context, FACTS)
    data = revision_bytes(arguments)
    action = Action(
        id=action_id,
        agent="clerk",
        use_case="support",
        action_type=action_type,
        digest=digest(data),
        arguments_bytes=data,
        context=submission.context,
        created_at=NOW,
    )
    rule = rules.approvals[judgement.approval or "one"]
    plan = planned(
        rule=rule.id,
        group=rule.asked[0].group,
        quorum=rule.asked[0].quorum,
        later=rule.asked[1:],
        excluded={},
        expires_at=NOW + rule.expire_after,
    )
    approval = ask(plan, action.digest).model_copy(update={"groups": list(groups)})
    return ActionRecord(
        action=action,
        owner="olga",
        state=State.PENDING_APPROVAL,
        judgement=judgement,
        approval=approval,
        updated_at=NOW,
    )


def voted(record: ActionRecord, person: str, decision: Decision = Decision.APPROVE, reason: str = "") -> ActionRecord:
    """Return the record after one more vote that counts."""
    approval = asked(record)
    ballot = Ballot(
        id=f"b-{person}",
        person=person,
        decision=decision,
        revision=record.action.digest,
        reason=reason,
        door=Door.SLACK,
    )
    question = Question(at=NOW, groups=approval.groups, excluded={}, approving=decision is Decision.APPROVE)
    eligibility = may_vote(person, POLICY, question)
    after, receipt = cast(approval, ballot, eligibility, NOW + timedelta(minutes=5))
    assert receipt.accepted, receipt
    state = State.REJECTED if after.outcome == "rejected" else State.PENDING_APPROVAL
    return record.model_copy(update={"approval": after, "state": state})


def executed(record: ActionRecord, result: ExecutionResult | None = None) -> ActionRecord:
    """Return the record after its execution."""
    done = result or ExecutionResult(outcome=Outcome.SUCCEEDED, result={"status": 201, "id": "r-77"})
    execution = Execution(
        key=record.action.id, intent_at=NOW, uncertain=False, outcome=done.outcome, result=done.result, ended_at=NOW
    )
    return record.model_copy(update={"execution": execution, "state": done.outcome.state})


def asked(record: ActionRecord) -> Approval:
    """Return the record's approval."""
    assert record.approval is not None
    return record.approval

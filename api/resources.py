"""What the API shows: the action resource and the ledger's entries, as documented in OpenAPI."""

import base64
import json
import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from domain.action import Digest, Outcome, Route, State, Tier
from domain.approval import ApprovalOutcome, Decision, Escalation, Vote
from domain.catalog import Dimension
from domain.holds import Hold, HoldScope
from domain.record import ActionRecord
from domain.risk import Hit, PolicyRef


class RevisionView(BaseModel):
    """One exact version of the arguments. Votes name its digest."""

    digest: str = Field(examples=["sha256:" + "0" * 64])
    arguments: dict[str, Any]


class AssessmentView(BaseModel):
    """The scores (0 to 5), the rules behind them and the policy that judged."""

    scores: dict[Dimension, int]
    hits: list[Hit]
    because: str
    policy: PolicyRef


class StageView(BaseModel):
    """One stage: who is asked in it, how many have to approve, and how many have."""

    group: str
    quorum: int
    approvals: int


class ApprovalView(BaseModel):
    """Who is asked, who voted, and until when. `stage` is the one that is asked, from 1; `group`, `groups` and
    `quorum` are its own. An approval that is not executed by `void_at` is worth nothing."""

    group: str
    groups: list[str]
    quorum: int
    stage: int
    stages: list[StageView]
    reason_required: bool
    requester_unknown: bool
    votes: list[Vote]
    deadline: datetime
    escalations: list[Escalation]
    outcome: ApprovalOutcome | None
    decided_at: datetime | None
    void_at: datetime | None


class ExecutionView(BaseModel):
    """When running was intended and how it ended."""

    intent_at: datetime | None
    outcome: Outcome | None
    result: dict[str, Any]
    ended_at: datetime | None


class Links(BaseModel):
    """Where to go from here."""

    self: str
    review: str
    ledger: str
    temporal: str | None


class HoldView(BaseModel):
    """A hold. It is on while `lifted_at` is null."""

    id: str
    scope: HoldScope
    subject: str | None
    reason: str
    placed_by: str
    placed_at: datetime
    lifted_by: str | None
    lift_reason: str | None
    lifted_at: datetime | None


class ActionView(BaseModel):
    """An action. `hold` is the hold that is on over it: nothing of it runs, and its clock stands still."""

    id: str
    agent: str
    owner: str
    use_case: str
    action_type: str
    state: State
    tier: Tier | None
    route: Route | None
    revision: RevisionView
    assessment: AssessmentView | None
    approval: ApprovalView | None
    execution: ExecutionView | None
    hold: HoldView | None
    created_at: datetime
    updated_at: datetime
    links: Links


class ActionPage(BaseModel):
    """One page of actions, newest first. Pass `next` as `cursor` for the page after it."""

    items: list[ActionView]
    next: str | None


class VoteRequest(BaseModel):
    """A reviewer's vote on the revision they read."""

    model_config = ConfigDict(extra="forbid")

    decision: Decision
    revision: Annotated[Digest, Field(examples=["sha256:" + "0" * 64])]
    reason: Annotated[str, Field(max_length=2000)] = ""


class VoteReceipt(BaseModel):
    """A vote that counted, and where the approval stands with it: the stage that is asked now, and how far it is."""

    accepted: bool
    outcome: ApprovalOutcome | None
    approvals: int
    quorum: int
    stage: int
    stages: int


class LedgerEntryView(BaseModel):
    """One entry: its bytes as JSON, and its place in the chain once it has one."""

    number: int | None
    chain_hash: str | None
    entry: dict[str, Any]


class LedgerView(BaseModel):
    """The entries of one action, in order."""

    items: list[LedgerEntryView]


def action_view(record: ActionRecord, public_url: str, temporal_ui_url: str | None, namespace: str) -> ActionView:
    """Return the resource of an action."""
    action, judgement, approval, execution = record.action, record.judgement, record.approval, record.execution
    base = public_url.rstrip("/")
    ui = (
        f"{temporal_ui_url.rstrip('/')}/namespaces/{namespace}/workflows/action-{action.id}"
        if temporal_ui_url
        else None
    )
    return ActionView(
        id=action.id,
        agent=action.agent,
        owner=record.owner,
        use_case=action.use_case,
        action_type=action.action_type,
        state=record.state,
        tier=record.tier,
        route=record.route,
        revision=RevisionView(digest=action.digest, arguments=json.loads(action.arguments_bytes)),
        assessment=judgement
        and AssessmentView(
            scores=judgement.assessment.scores,
            hits=judgement.assessment.hits,
            because=judgement.because,
            policy=judgement.assessment.policy,
        ),
        approval=approval
        and ApprovalView(
            group=approval.group,
            groups=approval.groups,
            quorum=approval.quorum,
            stage=approval.stage,
            stages=[
                StageView(group=stage.group, quorum=stage.quorum, approvals=approval.approvals_in(number))
                for number, stage in enumerate(approval.plan.stages, 1)
            ],
            reason_required=approval.plan.reason_required,
            requester_unknown=approval.plan.requester_unknown,
            votes=approval.votes,
            deadline=approval.plan.expires_at,
            escalations=approval.escalations,
            outcome=approval.outcome,
            decided_at=approval.decided_at,
            void_at=approval.void_at,
        ),
        execution=execution and ExecutionView.model_validate(execution.model_dump(exclude={"key", "uncertain"})),
        hold=hold_view(record.hold) if record.hold else None,
        created_at=action.created_at,
        updated_at=record.updated_at,
        links=Links(
            self=f"{base}/v1/actions/{action.id}",
            review=f"{base}/review/{action.id}",
            ledger=f"{base}/v1/actions/{action.id}/ledger",
            temporal=ui,
        ),
    )


def hold_view(hold: Hold) -> HoldView:
    """Return the resource of a hold."""
    return HoldView.model_validate(hold.model_dump())


def cursor_of(record: ActionRecord) -> str:
    """Return an opaque cursor that stands after this record."""
    place = json.dumps([record.action.created_at.isoformat(), record.action.id])
    return base64.urlsafe_b64encode(place.encode()).decode()


def place_of(cursor: str) -> tuple[datetime, str]:
    """Return where a cursor stands. Raises ValueError for one that is not ours."""
    when, action_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    place = datetime.fromisoformat(when)
    if place.tzinfo is None or not 2000 <= place.year < 9999 or not re.fullmatch("[0-9a-f]{32}", action_id):
        raise ValueError("not a cursor")
    return place, action_id

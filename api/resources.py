"""What the API shows: the action resource and the ledger's entries, as documented in OpenAPI."""

import base64
import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from api.approval_view import ApprovalView, approval_view
from domain.action import Digest, Identifier, Outcome, Route, State, Tier
from domain.approval import ApprovalOutcome, Decision, Door
from domain.catalog import Dimension
from domain.holds import Hold, HoldScope
from domain.ledger import Actor, ActorKind
from domain.record import ActionRecord
from domain.revision import Revision
from domain.revision_diff import diff
from domain.risk import Hit, PolicyRef


class RevisionView(BaseModel):
    """One exact version of the arguments, the first being number 1. Votes name its digest."""

    number: int
    digest: str = Field(examples=["sha256:" + "0" * 64])
    arguments: dict[str, Any]


class MadeRevisionView(RevisionView):
    """A revision in the row of all: who wrote it, since when it stood, and where it differs from the one before."""

    author: Actor
    made_at: datetime
    changed: list[str]


class AssessmentView(BaseModel):
    """The scores (0 to 5), the rules behind them and the policy that judged."""

    scores: dict[Dimension, int]
    hits: list[Hit]
    because: str
    policy: PolicyRef


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


class ActionDetail(ActionView):
    """An action with its revisions, the first one first. The last is `revision`: what people decide on, and what runs
    or ran."""

    revisions: list[MadeRevisionView]


class ActionPage(BaseModel):
    """One page of actions, newest first. Pass `next` as `cursor` for the page after it."""

    items: list[ActionView]
    next: str | None


class VoteRequest(BaseModel):
    """A reviewer's vote on the revision they read. To `return` it, `reason` are the questions to the agent."""

    model_config = ConfigDict(extra="forbid")

    decision: Decision
    revision: Annotated[Digest, Field(examples=["sha256:" + "0" * 64])]
    reason: Annotated[str, Field(max_length=2000)] = ""
    reason_id: Identifier | None = None


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
        revision=RevisionView(
            number=approval.revisions if approval else 1,
            digest=action.digest,
            arguments=json.loads(action.arguments_bytes),
        ),
        assessment=judgement
        and AssessmentView(
            scores=judgement.assessment.scores,
            hits=judgement.assessment.hits,
            because=judgement.because,
            policy=judgement.assessment.policy,
        ),
        approval=approval and approval_view(approval),
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


def revision_views(record: ActionRecord, made: Sequence[Revision]) -> list[MadeRevisionView]:
    """Return the resources of an action's revisions; `made` are those stored, none while the first one stands."""
    views: list[MadeRevisionView] = []
    before: dict[str, Any] | None = None
    for revision in made or [first_of(record)]:
        arguments = json.loads(revision.arguments_bytes)
        view = MadeRevisionView(
            number=revision.number or 1,
            digest=revision.digest,
            arguments=arguments,
            author=revision.author,
            made_at=revision.made_at or revision.proposed_at,
            changed=[] if before is None else [change.path for change in diff(before, arguments)],
        )
        views.append(view)
        before = arguments
    return views


def first_of(record: ActionRecord) -> Revision:
    """Return an action's own revision as the first one."""
    action = record.action
    return Revision(
        number=1,
        digest=action.digest,
        arguments_bytes=action.arguments_bytes,
        author=Actor(kind=ActorKind.AGENT, id=action.agent, door=Door.API.value),
        proposed_at=action.created_at,
        made_at=action.created_at,
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

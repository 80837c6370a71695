"""Revise: judge new arguments of a waiting action, and make them its revision or refuse them.

The bytes were stored before and are named by their digest, so that none of them stands in Temporal's history.
"""

import json
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from temporalio import activity

from activities.assess import Assess, Verdict
from activities.failures import translated
from activities.judge import Judge
from activities.record import ApprovalChange, entries_of
from domain.action import Action, Frozen, Route, Tier
from domain.approval import Approval, Ballot, Decision, Door, Receipt, cast, receipt, revised
from domain.authority import may_vote
from domain.canonical import digest
from domain.errors import Refusal
from domain.escalation import scheduled
from domain.guardrails import Measure, Use, measure_of, uses_of
from domain.ledger import Actor, ActorKind, Entry, EntryKind, Secret, entry
from domain.planning import plan_of, steps_of
from domain.policy import Admitted, Judgement, Policy
from domain.record import ActionRecord
from domain.revising import WROTE_IT, edit_refused, question_about, refused_entry, why_not_revise
from domain.revision import MAX_REVISIONS, ReviseRequest, Revision
from domain.roles import meaning_of


class ActionStore(Protocol):
    """What revising needs of the store of actions."""

    async def get(self, action_id: str) -> ActionRecord:
        """Return the record of an action."""

    async def append(self, action_id: str, entries: Sequence[Entry]) -> None:
        """Record entries that change nothing."""


class RevisionStore(Protocol):
    """What revising needs of the store of revisions."""

    async def proposed(self, action_id: str, digest: str) -> Revision | None:
        """Return a revision by its digest, proposed or made."""

    async def make_revision(
        self,
        record: ActionRecord,
        made: Action,
        author: Actor,
        judgement: Judgement,
        approval: Approval,
        measure: Measure,
        at: datetime,
        entries: Sequence[Entry],
        uses: Sequence[Use] = (),
    ) -> bool:
        """Make a proposed revision the action's own. False when the action no longer waits on the one before, or when
        it goes over another limit than it was judged to."""

    async def beyond(self, action_id: str, uses: Sequence[Use], at: datetime) -> list[Use]:
        """Return those of an action's uses by which it would go over their limit."""


class PolicySource(Protocol):
    """The policy that is active now."""

    async def current(self) -> Policy:
        """Return it, or raise PolicyUnavailable."""


class RevisionRequest(Frozen):
    """A revision to judge, the approval it would replace, and the workflow's time."""

    action_id: str
    request: ReviseRequest
    approval: Approval
    at: datetime


class StandingRequest(Frozen):
    """A revision that somebody speaks of and that the action's workflow does not know."""

    action_id: str
    revision: str


class Revised(Frozen):
    """The receipt; and the new verdict with its approval, where the revision was made."""

    receipt: Receipt
    verdict: Verdict | None = None


class Revise:
    """Makes revisions."""

    def __init__(
        self, actions: ActionStore, revisions: RevisionStore, policies: PolicySource, judge: Judge, assess: Assess
    ) -> None:
        self._actions = actions
        self._revisions = revisions
        self._policies = policies
        self._judge = judge
        self._assess = assess

    @activity.defn
    @translated
    async def revise(self, asked: RevisionRequest) -> Revised:
        """Make a revision, once, or refuse it; both are recorded."""
        record = await self._actions.get(asked.action_id)
        unchanged = asked.request.base == asked.request.revision
        if not unchanged and record.action.digest == asked.request.revision and record.approval is not None:
            return Revised(receipt=receipt(record.approval), verdict=await self._assess.verdict_of(record))  # a retry
        policy = await self._policies.current()
        found = await self._judged(policy, record, asked)
        if isinstance(found, Refusal):
            await self._actions.append(
                asked.action_id, [refused_entry(asked.action_id, asked.request, found, asked.at)]
            )
            return Revised(receipt=receipt(asked.approval, found))
        made, exceeded, judgement, admitted = found
        approval, entries = _asked_anew(policy, made, judgement, admitted, asked)
        meaning = meaning_of(admitted.action_type, json.loads(made.arguments_bytes))
        judged = record.model_copy(update={"exceeded": exceeded})
        if not await self._revisions.make_revision(
            judged,
            made,
            asked.request.actor,
            judgement,
            approval,
            measure_of(meaning),
            asked.at,
            entries,
            _uses(policy, record, made),
        ):
            raise RuntimeError(f"action {made.id} waits on another revision, or reached a limit just now; trying again")
        verdict = await self._assess.verdict_of(await self._actions.get(asked.action_id))
        return Revised(receipt=receipt(approval), verdict=verdict)

    @activity.defn
    @translated
    async def standing(self, asked: StandingRequest) -> Verdict | None:
        """Return the verdict of a revision that was made, where it is what stands now; None for any other."""
        record = await self._actions.get(asked.action_id)
        stands = record.approval is not None and record.approval.revision == record.action.digest == asked.revision
        return await self._assess.verdict_of(record) if stands else None

    async def _judged(
        self, policy: Policy, record: ActionRecord, asked: RevisionRequest
    ) -> tuple[Action, dict[str, Tier], Judgement, Admitted] | Refusal:
        """Return the action with its new arguments, the limits it goes over by them, and the judgement of it; or why
        it may not go on with them."""
        request = asked.request
        if request.base == request.revision:
            return edit_refused("these are the arguments that stand there already: nothing was changed")
        proposal = await self._revisions.proposed(asked.action_id, request.revision)
        if proposal is None or digest(proposal.arguments_bytes) != request.revision:
            return edit_refused("these arguments were not stored before they were asked for; send the edit again")
        if proposal.number is not None:
            return edit_refused(f"revision {proposal.number} said exactly this, and was replaced; its votes are void")
        if asked.approval.revisions >= MAX_REVISIONS:
            return edit_refused(
                f"the action has {MAX_REVISIONS} revisions already; reject it, and let the agent start anew"
            )
        refusal = why_not_revise(request.actor, proposal.arguments_bytes, record, asked.approval, policy, asked.at)
        if refusal is not None:
            return refusal
        made = record.action.model_copy(update={"digest": proposal.digest, "arguments_bytes": proposal.arguments_bytes})
        beyond = await self._revisions.beyond(made.id, _uses(policy, record, made), asked.at)
        if (stopping := next((use for use in beyond if use.stops), None)) is not None:
            return edit_refused(f"{stopping.terms}, and like this it would be more")
        exceeded = {use.id: Tier(use.on_exceed.value) for use in beyond}
        changed = record.model_copy(update={"action": made, "exceeded": exceeded})
        judgement, admitted = await self._judge.judge(policy, changed, asked.at)
        if admitted is None or judgement.route not in (Route.ASK, Route.EXECUTE):
            return edit_refused(f"the policy would not let it run like this: {judgement.because}")
        # What would run by itself goes on being asked about: people were, and somebody changed what it does.
        name = judgement.approval if judgement.route is Route.ASK else asked.approval.plan.rule
        if name not in policy.approvals:
            return edit_refused(
                f"the policy that is active now has no approval '{name}' by which people could be asked"
            )
        return made, exceeded, judgement.model_copy(update={"route": Route.ASK, "approval": name}), admitted


def _uses(policy: Policy, record: ActionRecord, made: Action) -> list[Use]:
    """Return what a revision takes of each limit; a canary takes nothing."""
    action_type = policy.action_types.get(made.action_type)
    if record.canary or action_type is None:
        return []
    return uses_of(policy.bundle.guardrails, made, meaning_of(action_type, json.loads(made.arguments_bytes)))


def _asked_anew(
    policy: Policy, made: Action, judgement: Judgement, admitted: Admitted, asked: RevisionRequest
) -> tuple[Approval, list[Entry]]:
    """Return the approval of the new revision, and the entries that say how it came."""
    request, before = asked.request, asked.approval
    plan = plan_of(policy, judgement.approval or "", judgement.assessment, made, admitted, asked.at)
    person = request.actor.id if request.actor.kind is ActorKind.PERSON else None
    # Who wrote a revision does not approve it as well, unless the policy takes the edit for an approval.
    written = {p: why for p, why in before.plan.excluded.items() if why == WROTE_IT}
    excluded = {**written, **plan.excluded}
    if person is not None and not plan.edit_counts:
        excluded[person] = WROTE_IT
    plan = plan.model_copy(update={"excluded": excluded})
    approval = revised(before, plan, made.digest, asked.at, by_agent=person is None)
    entries = _made_entries(made, judgement, approval, asked)
    if person is None or not plan.edit_counts:
        return approval, entries
    ballot = Ballot(
        id=f"edit-{request.id}"[:200],
        person=person,
        decision=Decision.APPROVE,
        revision=made.digest,
        reason=request.reason.strip() or ("" if plan.reason_required else "wrote this revision"),
        door=Door(request.actor.door),
        stepped_up=request.stepped_up,
    )
    question = question_about(approval, asked.at, approving=True, tier=judgement.assessment.tier)
    approval, counted = cast(approval, ballot, may_vote(person, policy, question), asked.at)
    if approval.stage > 1:
        approval = scheduled(approval, steps_of(policy, approval.plan, approval.stage, asked.at))
    change = ApprovalChange(action_id=made.id, approval=approval, at=asked.at, ballot=ballot, receipt=counted)
    return approval, [*entries, *entries_of(change)]


def _made_entries(made: Action, judgement: Judgement, approval: Approval, asked: RevisionRequest) -> list[Entry]:
    request, number = asked.request, approval.revisions
    data: dict[str, Any] = {
        "number": number,
        "digest": made.digest,
        "replaces": request.base,
        "request": request.id,
        "void_votes": [f"{vote.person}: {vote.decision.value}" for vote in asked.approval.votes],
    }
    kept = [Secret(name="arguments", salt=secrets.token_bytes(32), content=made.arguments_bytes)]
    if request.reason.strip():
        kept.append(Secret(name="reason", salt=secrets.token_bytes(32), content=request.reason.strip().encode()))
    said = {"route": judgement.route.value, "because": judgement.because[:2000]}
    assessed = {"digest": made.digest, **judgement.assessment.model_dump(mode="json"), **said}
    plan = {"digest": made.digest, **approval.plan.model_dump(mode="json")}

    def written(kind: EntryKind, content: dict[str, Any], actor: Actor, secret: list[Secret] | None = None) -> Entry:
        return entry(f"{made.id}/{kind.value}/{number}", kind, asked.at, actor, content, made.id, secret)

    system = Actor(kind=ActorKind.SYSTEM, id="remit", door="workflow")
    return [
        written(EntryKind.REVISION_MADE, data, request.actor, kept),
        written(EntryKind.ACTION_ASSESSED, assessed, system),
        written(EntryKind.APPROVAL_REQUESTED, plan, system),
    ]

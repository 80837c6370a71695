"""Assess: judge an action once, by the policy that is active now, and record what follows from it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog
from prometheus_client import Counter
from temporalio import activity

from activities.failures import translated
from activities.judge import Judge
from domain.action import Action, Frozen, Route, State, Tier
from domain.approval import Approval, Decision, ask
from domain.authority import Eligibility, Question, may_vote
from domain.ledger import SYSTEM, Actor, Entry, EntryKind, entry
from domain.planning import plan_of
from domain.policy import Judgement, Policy
from domain.record import ActionRecord

log = structlog.get_logger(__name__)
RULE_FAILURES = Counter("remit_rule_failures", "Rules that could not be judged and made the tier high", ["rule"])
ASSESSED = Counter("remit_actions_assessed", "Actions assessed", ["tier", "route"])


class AssessmentStore(Protocol):
    """What assess needs of the store of actions."""

    async def get(self, action_id: str) -> ActionRecord:
        """Return the record of an action."""

    async def record_judgement(
        self,
        action_id: str,
        judgement: Judgement,
        approval: Approval | None,
        state: State,
        at: datetime,
        entries: Sequence[Entry],
    ) -> bool:
        """Record a judgement, once."""


class PolicySource(Protocol):
    """The policy that is active now."""

    async def current(self) -> Policy:
        """Return it, or raise PolicyUnavailable."""


class Durability(Protocol):
    """What an executor says of itself before it runs."""

    def is_short(self, settings: Mapping[str, Any]) -> bool:
        """Whether it ends within a moment, so that it may run inside the workflow task."""


class AssessRequest(Frozen):
    """Which action, and the workflow's time, from which deadlines count."""

    action_id: str
    now: datetime


class Verdict(Frozen):
    """What the workflow needs to go on: the route, why, and how to ask or to run. It stays in history."""

    use_case: str
    action_type: str
    owner: str
    route: Route
    tier: Tier
    because: str
    rules: list[str]
    policy_digest: str
    approval: Approval | None = None
    short: bool = False


class EligibilityRequest(Frozen):
    """Whether this person may vote so at this time, where these groups are asked and these persons are excluded.

    Requests of earlier versions have no time, which means now, and no tier, which means high.
    """

    person: str
    groups: list[str]
    people: dict[str, str] = {}
    excluded: dict[str, str]
    tier: Tier = Tier.HIGH
    decision: Decision = Decision.APPROVE
    at: datetime | None = None


class Assess:
    """Judges actions and voters by the active policy."""

    def __init__(
        self, actions: AssessmentStore, policies: PolicySource, executors: Mapping[str, Durability], judge: Judge
    ) -> None:
        self._actions = actions
        self._policies = policies
        self._judge = judge
        self._executors = executors

    async def assess(self, request: AssessRequest) -> Verdict:
        """Judge an action and record the judgement; judged before, return what was recorded then."""
        record = await self._actions.get(request.action_id)
        if record.judgement is None:
            policy = await self._policies.current()
            judgement, admitted = await self._judge.judge(policy, record, request.now)
            approval = None
            if judgement.route is Route.ASK and admitted is not None and judgement.approval is not None:
                plan = plan_of(policy, judgement.approval, judgement.assessment, record.action, admitted, request.now)
                approval = ask(plan, record.action.digest, request.now)
            state = _STATE_AFTER[judgement.route]
            entries = _entries(record.action, judgement, approval, request.now)
            judged = await self._actions.record_judgement(
                record.action.id, judgement, approval, state, datetime.now(UTC), entries
            )
            if judged:
                _count(judgement)
                record = record.model_copy(update={"judgement": judgement, "approval": approval})
            else:  # another attempt of this activity was faster
                record = await self._actions.get(request.action_id)
        return await self.verdict_of(record)

    @activity.defn
    @translated
    async def check_eligibility(self, request: EligibilityRequest) -> Eligibility:
        """Say whether a person may vote, by the people and groups as they are at this moment."""
        question = Question(
            at=request.at or datetime.now(UTC),
            groups=request.groups,
            people=request.people,
            excluded=request.excluded,
            tier=request.tier,
            approving=request.decision is Decision.APPROVE,
        )
        return may_vote(request.person, await self._policies.current(), question)

    async def verdict_of(self, record: ActionRecord) -> Verdict:
        """Return what a workflow needs of a record that was judged."""
        judgement = record.judgement
        if judgement is None:
            raise LookupError(f"action {record.action.id} was judged, but the judgement is not in its record")
        policy = await self._policies.current()
        running = policy.executor_of(record.action)
        executor = self._executors.get(running[0]) if running else None
        return Verdict(
            use_case=record.action.use_case,
            action_type=record.action.action_type,
            owner=record.owner,
            route=judgement.route,
            tier=judgement.assessment.tier,
            because=judgement.because,
            rules=[hit.rule for hit in judgement.assessment.hits],
            policy_digest=judgement.assessment.policy.digest,
            approval=record.approval,
            short=executor is not None and running is not None and executor.is_short(running[1]),
        )


_STATE_AFTER = {
    Route.EXECUTE: State.ASSESSING,  # until the intent to execute is recorded
    Route.ASK: State.PENDING_APPROVAL,
    Route.SUGGEST: State.SUGGESTED,
    Route.DENY: State.DENIED,
}


def _entries(action: Action, judgement: Judgement, approval: Approval | None, now: datetime) -> list[Entry]:
    def written(kind: EntryKind, data: dict[str, Any], actor: Actor = SYSTEM) -> Entry:
        return entry(f"{action.id}/{kind.value}", kind, now, actor, data, action=action.id)

    assessment = judgement.assessment.model_dump(mode="json")
    said = {"route": judgement.route.value, "because": judgement.because[:2000]}
    entries = [written(EntryKind.ACTION_ASSESSED, {"digest": action.digest, **assessment, **said})]
    if approval is not None:
        plan = approval.plan.model_dump(mode="json")
        entries.append(written(EntryKind.APPROVAL_REQUESTED, {"digest": action.digest, **plan}))
    if judgement.route is Route.DENY:
        entries.append(written(EntryKind.ACTION_DENIED, said))
    if judgement.route is Route.SUGGEST:
        entries.append(written(EntryKind.ACTION_SUGGESTED, said))
    return entries


def _count(judgement: Judgement) -> None:
    ASSESSED.labels(judgement.assessment.tier.value, judgement.route.value).inc()
    for rule in judgement.assessment.failed_rules:
        RULE_FAILURES.labels(rule).inc()
        log.error("rule_failed", rule=rule)

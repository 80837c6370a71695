"""Execute: run the approved revision once. Intent, effect, outcome, in this order and each durable.

The claim that writes the intent is the last gate: the store grants it only for a route that executes, or for an
approval of exactly this digest that ended approved, while no hold is on and the limits have room. The digest is then
computed again over the bytes that are about to run. A claim is good for a moment: a process that was stopped between
claim and effect claims again. After a crash between intent and outcome, an idempotent executor goes again with the
same key; any other makes the action `in_doubt`, for a person to look at.
"""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog
from prometheus_client import Counter
from temporalio import activity

from activities.failures import translated
from activities.holds import HoldSource
from activities.judge import Judge
from domain import canary, policy_change
from domain.action import ExecutionResult, Frozen, Outcome, Route, State
from domain.approval import Approval
from domain.canonical import canonical_bytes, digest
from domain.errors import EffectNotSent, EffectRefused, EffectUnknown, RateLimited
from domain.guardrails import Use, uses_at_execution
from domain.holds import Hold, standing
from domain.ledger import SYSTEM, Entry, EntryKind, Secret, entry
from domain.policy import Policy
from domain.record import ActionRecord, Claim, Execution
from domain.roles import meaning_of
from domain.tightening import tightened

log = structlog.get_logger(__name__)
EXECUTED = Counter("remit_executions", "Executions that ended", ["outcome"])


BEGIN_WITHIN_SECONDS = 5.0
"""How long after its claim an effect may begin. Whoever places a hold waits longer than this for what is under way."""


class Executor(Protocol):
    """Runs one kind of effect.

    Raises EffectRefused when nothing happened and never will, EffectNotSent when nothing left this machine,
    EffectUnknown when it may have happened.
    """

    def is_idempotent(self, settings: Mapping[str, Any]) -> bool:
        """Whether running twice with the same key has the effect once."""

    async def run(self, settings: Mapping[str, Any], arguments: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Have the effect and return what the other side answered, bounded in size."""


class ExecutionStore(Protocol):
    """What execute needs of the store of actions."""

    async def get(self, action_id: str) -> ActionRecord:
        """Return the record of an action."""

    async def claim(
        self, action_id: str, digest: str, execution: Execution, entry: Entry, uses: Sequence[Use] = ()
    ) -> Claim | Hold | None:
        """Record the intent; the hold that is on, or None when the action may not run. Raises RateLimited."""

    async def record_approval(
        self, action_id: str, approval: Approval, state: State, at: datetime, entries: Sequence[Entry]
    ) -> bool:
        """Record the state of an action whose execution has not begun. False when it has."""

    async def attempt_ended(self, action_id: str, since: datetime, uncertain: bool) -> None:
        """Note that an attempt is over without an outcome, and whether anything may have happened."""

    async def record_outcome(self, action_id: str, result: ExecutionResult, at: datetime, entry: Entry) -> bool:
        """Record the outcome, once."""


class PolicySource(Protocol):
    """The policy that is active now: it names the executor and its fixed settings."""

    async def current(self) -> Policy:
        """Return it, or raise PolicyUnavailable."""


class ExecuteRequest(Frozen):
    """Which revision of which action to run, whether its approval is good for a limited time only, and the
    digest of the policy that judged it."""

    action_id: str
    digest: str
    ages: bool = False
    judged_by: str = ""


class SettleRequest(Frozen):
    """An execution that will not be tried again, and why."""

    action_id: str
    reason: str


class Executed(Frozen):
    """The state an execution left the action in. `held` names the hold that kept it from beginning."""

    state: State
    held: str | None = None


class Execute:
    """Runs revisions through the executors."""

    def __init__(
        self,
        actions: ExecutionStore,
        policies: PolicySource,
        executors: Mapping[str, Executor],
        holds: HoldSource,
        judge: Judge,
    ) -> None:
        self._actions = actions
        self._policies = policies
        self._holds = holds
        self._judge = judge
        self._executors = executors

    @activity.defn
    @translated
    async def execute(self, request: ExecuteRequest) -> Executed:
        """Run a revision, as an activity that Temporal tries again."""
        return await self.attempt(request)

    async def attempt(self, request: ExecuteRequest) -> Executed:
        """Run a revision, or return how it ended when it ran before, or the hold that is on.

        An action that would go over a limit if it ran now has failed; one whose approval has become too old has
        expired. Raises EffectError where a retry may help.
        """
        policy = await self._policies.current()  # before the intent: without it nothing can be under way
        now = datetime.now(UTC)
        if request.ages and (ended := await self._void(request.action_id, now)) is not None:
            return ended
        if (ended := await self._stopped(policy, request, now)) is not None:
            return ended
        intent = Execution(key=request.action_id, intent_at=now)
        data = {"digest": request.digest, "idempotency_key": intent.key}
        written = _entry(request.action_id, EntryKind.EXECUTION_INTENDED, now, data)
        uses = await self._uses(policy, request.action_id)
        begin_by = time.monotonic() + BEGIN_WITHIN_SECONDS
        try:
            claimed = await self._actions.claim(request.action_id, request.digest, intent, written, uses)
        except RateLimited as limit:
            return await self._settled(request.action_id, f"{limit.code}: {limit}")
        if claimed is None:
            return await self._not_claimed(request)
        if isinstance(claimed, Hold):
            record = await self._actions.get(request.action_id)
            return Executed(state=record.state, held=claimed.name)
        return await self._run(claimed, policy, request.digest, begin_by)

    @activity.defn
    @translated
    async def settle(self, request: SettleRequest) -> Executed:
        """Give an execution that will not be tried again its outcome: failed if nothing was sent, else in doubt."""
        return await self._settled(request.action_id, request.reason)

    async def _void(self, action_id: str, now: datetime) -> Executed | None:
        """End an action whose approval is too old to be executed; None while it is good, or when it has ended."""
        record = await self._actions.get(action_id)
        approval = record.approval
        if record.state.final or approval is None or approval.void_at is None or approval.decided_at is None:
            return None
        found = standing(await self._holds.over(action_id, approval.decided_at), approval.decided_at)
        void_at = approval.void_at + found.held_for  # an approval does not age while a hold is on
        if found.hold is not None or now < void_at:
            return None
        until = void_at.isoformat(timespec="seconds")
        if record.execution is not None:
            return await self._settled(action_id, f"the approval was good until {until}; nothing was run after that")
        data = {"digest": record.action.digest, "void_at": until}
        written = _entry(action_id, EntryKind.APPROVAL_VOID, now, data)
        if not await self._actions.record_approval(action_id, approval, State.EXPIRED, now, [written]):
            raise EffectNotSent("another attempt to execute began in this moment; nothing was sent by this one")
        return Executed(state=State.EXPIRED)

    async def _stopped(self, policy: Policy, request: ExecuteRequest, now: datetime) -> Executed | None:
        """End an action that another policy judged and the live one is stricter about; None where it may run."""
        if request.judged_by in ("", policy.ref.digest):
            return None
        record = await self._actions.get(request.action_id)
        if record.state.final or record.action.action_type == policy_change.ACTION_TYPE:
            return None
        live, _ = await self._judge.judge(policy, record, now)
        if (missing := tightened(record, live, policy)) is None:
            return None
        return await self._settled(request.action_id, f"policy_denied: {missing}; nothing was run, submit it anew")

    async def _uses(self, policy: Policy, action_id: str) -> list[Use]:
        """Return what the action takes of the limits as they are now, whatever they were when it was submitted."""
        guardrails = policy.bundle.guardrails
        if not guardrails.rate_limits and not guardrails.budgets:
            return []
        record = await self._actions.get(action_id)
        action_type = policy.action_types.get(record.action.action_type)
        if action_type is None:
            return []  # it has no executor either, so it does not run
        meaning = meaning_of(action_type, json.loads(record.action.arguments_bytes))
        return uses_at_execution(guardrails, record.action, meaning, record.exceeded, record.route is Route.ASK)

    async def _settled(self, action_id: str, reason: str) -> Executed:
        record = await self._actions.get(action_id)
        if record.state.final:
            return Executed(state=record.state)
        uncertain = record.execution is not None and record.execution.uncertain
        outcome = Outcome.IN_DOUBT if uncertain else Outcome.FAILED
        return await self._ended(record, outcome, {"problem": reason})

    async def _run(self, claim: Claim, policy: Policy, wanted: str, begin_by: float) -> Executed:
        """Have the effect. What cannot run is failed, or in doubt where an attempt before it may have happened."""
        record, may_have_happened = claim.record, claim.may_have_happened
        action = record.action
        not_run = Outcome.IN_DOUBT if may_have_happened else Outcome.FAILED
        if digest(action.arguments_bytes) != wanted:
            problem = "digest_mismatch: the stored arguments are not the revision that was decided on; nothing was run"
            return await self._ended(record, not_run, {"problem": problem})
        running = policy.executor_of(action)
        executor = self._executors.get(running[0]) if running else None
        if running is None or executor is None:
            problem = f"no executor for action type '{action.action_type}' here; nothing was run"
            return await self._ended(record, not_run, {"problem": problem})
        idempotent = executor.is_idempotent(running[1])
        if may_have_happened and not idempotent:
            problem = "an earlier attempt was cut off and may have happened; this executor must not run it again"
            return await self._ended(record, Outcome.IN_DOUBT, {"problem": problem})
        try:
            if time.monotonic() > begin_by:
                raise EffectNotSent("this process was stopped between its claim and the effect; nothing was sent")
            answer = await executor.run(running[1], json.loads(action.arguments_bytes), action.id)
        except EffectRefused as refusal:
            return await self._ended(record, not_run, {"problem": str(refusal)})
        except EffectNotSent:
            await self._actions.attempt_ended(action.id, claim.since, uncertain=may_have_happened)
            raise
        except EffectUnknown as unknown:
            if idempotent:
                await self._actions.attempt_ended(action.id, claim.since, uncertain=True)
                raise
            return await self._ended(record, Outcome.IN_DOUBT, {"problem": str(unknown)})
        return await self._ended(record, Outcome.SUCCEEDED, answer)

    async def _ended(self, record: ActionRecord, outcome: Outcome, answered: dict[str, Any]) -> Executed:
        result = ExecutionResult(outcome=outcome, result=answered)
        now = datetime.now(UTC)
        kind = EntryKind(f"execution.{outcome.value}")
        answer = Secret(name="result", salt=secrets.token_bytes(32), content=canonical_bytes(answered))
        written = _entry(record.action.id, kind, now, {"digest": record.action.digest}, [answer])
        if not await self._actions.record_outcome(record.action.id, result, now, written):
            # Another attempt was faster: what stands in the record is how it ended.
            return Executed(state=(await self._actions.get(record.action.id)).state)
        if not record.canary:
            EXECUTED.labels(outcome.value).inc()
        return Executed(state=outcome.state)

    async def _not_claimed(self, request: ExecuteRequest) -> Executed:
        """Say how it ended when it ended before; anything else that could not be claimed must not run."""
        record = await self._actions.get(request.action_id)
        if record.execution is not None and record.execution.outcome is not None:
            return Executed(state=record.execution.outcome.state)
        if record.canary:
            return await self._settled(request.action_id, canary.TOLD)
        log.error("claim_refused", action=request.action_id, state=record.state.value)
        raise EffectRefused(f"action {request.action_id} is not approved to run as {request.digest}; nothing was run")


def _entry(
    action_id: str, kind: EntryKind, at: datetime, data: dict[str, Any], kept: list[Secret] | None = None
) -> Entry:
    return entry(f"{action_id}/{kind.value}", kind, at, SYSTEM, data, action=action_id, secrets=kept)

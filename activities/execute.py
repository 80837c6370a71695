"""Execute: run the approved revision once. Intent, effect, outcome, in this order and each durable.

The claim that writes the intent is the last gate: the store grants it only for a route that executes, or for an
approval of exactly this digest that ended approved. The digest is then computed again over the bytes that are
about to run. After a crash between intent and outcome, an idempotent executor goes again with the same key; any
other makes the action `in_doubt`, for a person to look at.
"""

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog
from prometheus_client import Counter
from temporalio import activity

from activities.failures import translated
from domain.action import ExecutionResult, Frozen, Outcome, State
from domain.canonical import canonical_bytes, digest
from domain.errors import EffectNotSent, EffectRefused, EffectUnknown
from domain.ledger import SYSTEM, Entry, EntryKind, Secret, entry
from domain.policy import Policy
from domain.record import ActionRecord, Execution

log = structlog.get_logger(__name__)
EXECUTED = Counter("remit_executions", "Executions that ended", ["outcome"])


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
        self, action_id: str, digest: str, execution: Execution, entry: Entry
    ) -> tuple[ActionRecord, bool] | None:
        """Record the intent; None when the action may not run."""

    async def release(self, action_id: str) -> None:
        """Note that the attempt sent nothing."""

    async def record_outcome(self, action_id: str, result: ExecutionResult, at: datetime, entry: Entry) -> bool:
        """Record the outcome, once."""


class PolicySource(Protocol):
    """The policy that is active now: it names the executor and its fixed settings."""

    async def current(self) -> Policy:
        """Return it, or raise PolicyUnavailable."""


class ExecuteRequest(Frozen):
    """Which revision of which action to run."""

    action_id: str
    digest: str


class SettleRequest(Frozen):
    """An execution that will not be tried again, and why."""

    action_id: str
    reason: str


class Executed(Frozen):
    """The state an execution left the action in."""

    state: State


class Execute:
    """Runs revisions through the executors."""

    def __init__(self, actions: ExecutionStore, policies: PolicySource, executors: Mapping[str, Executor]) -> None:
        self._actions = actions
        self._policies = policies
        self._executors = executors

    @activity.defn
    @translated
    async def execute(self, request: ExecuteRequest) -> Executed:
        """Run a revision, as an activity that Temporal tries again."""
        return await self.attempt(request)

    async def attempt(self, request: ExecuteRequest) -> Executed:
        """Run a revision, or return how it ended when it ran before. Raises EffectError where a retry may help."""
        policy = await self._policies.current()  # before the intent: without it nothing can be under way
        now = datetime.now(UTC)
        intent = Execution(key=request.action_id, intent_at=now)
        data = {"digest": request.digest, "idempotency_key": intent.key}
        written = _entry(request.action_id, EntryKind.EXECUTION_INTENDED, now, data)
        claimed = await self._actions.claim(request.action_id, request.digest, intent, written)
        if claimed is None:
            return await self._not_claimed(request)
        record, may_have_happened = claimed
        return await self._run(record, policy, request.digest, may_have_happened)

    @activity.defn
    @translated
    async def settle(self, request: SettleRequest) -> Executed:
        """Give an execution that will not be tried again its outcome: failed if nothing was sent, else in doubt."""
        record = await self._actions.get(request.action_id)
        if record.state.final:
            return Executed(state=record.state)
        uncertain = record.execution is not None and record.execution.uncertain
        outcome = Outcome.IN_DOUBT if uncertain else Outcome.FAILED
        return await self._ended(record, outcome, {"problem": request.reason})

    async def _run(self, record: ActionRecord, policy: Policy, wanted: str, may_have_happened: bool) -> Executed:
        """Have the effect. What cannot run is failed, or in doubt where an attempt before it may have happened."""
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
            answer = await executor.run(running[1], json.loads(action.arguments_bytes), action.id)
        except EffectRefused as refusal:
            return await self._ended(record, not_run, {"problem": str(refusal)})
        except EffectNotSent:
            if not may_have_happened:
                await self._actions.release(action.id)
            raise
        except EffectUnknown as unknown:
            if idempotent:
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
        EXECUTED.labels(outcome.value).inc()
        return Executed(state=outcome.state)

    async def _not_claimed(self, request: ExecuteRequest) -> Executed:
        """Say how it ended when it ended before; anything else that could not be claimed must not run."""
        record = await self._actions.get(request.action_id)
        if record.execution is not None and record.execution.outcome is not None:
            return Executed(state=record.execution.outcome.state)
        log.error("claim_refused", action=request.action_id, state=record.state.value)
        raise EffectRefused(f"action {request.action_id} is not approved to run as {request.digest}; nothing was run")


def _entry(
    action_id: str, kind: EntryKind, at: datetime, data: dict[str, Any], kept: list[Secret] | None = None
) -> Entry:
    return entry(f"{action_id}/{kind.value}", kind, at, SYSTEM, data, action=action_id, secrets=kept)

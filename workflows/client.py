"""The way into the workflow from outside: connect, start, vote, withdraw."""

from datetime import timedelta

from pydantic import SecretStr
from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.common import SearchAttributePair, TypedSearchAttributes, WorkflowIDReusePolicy
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.runtime import Runtime
from temporalio.service import GrpcCompression, RPCError, RPCStatusCode

from domain.action import workflow_id
from domain.approval import Ballot, Receipt
from domain.errors import EngineUnavailable, Refusal, RefusalCode
from domain.escalation import AnswerRequest, ManageRequest
from domain.record import ActionRecord
from domain.revision import ReviseRequest
from workflows.agent_action import ActionStart, AgentAction, CancelRequest
from workflows.visibility import AGENT

LIFETIME = timedelta(days=400)
"""Longer than any approval may wait (LONGEST_ASKING, and an extension), so that it bounds what is stuck."""

_START_TIMEOUT = timedelta(seconds=5)
_GONE = (RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION)


async def connect(
    address: str,
    namespace: str,
    *,
    api_key: SecretStr | None = None,
    tls: bool = False,
    runtime: Runtime | None = None,
    lazy: bool = False,
) -> Client:
    """Connect to Temporal. With `lazy`, the first call connects, so that a process can start before Temporal."""
    return await Client.connect(
        address,
        namespace=namespace,
        api_key=api_key.get_secret_value() if api_key else None,
        tls=tls or api_key is not None,
        data_converter=pydantic_data_converter,
        runtime=runtime,
        grpc_compression=GrpcCompression.NONE,  # loopback or data centre: gzip costs more than it saves
        lazy=lazy,
    )


class ActionWorkflows:
    """Starts actions and carries votes and cancellations to them."""

    def __init__(self, client: Client, task_queue: str) -> None:
        self._client = client
        self._task_queue = task_queue

    async def start(self, record: ActionRecord) -> None:
        """Start the workflow of an accepted action. Started before, nothing happens.

        Raises EngineUnavailable when Temporal does not take it: the action stays accepted and unstarted.
        """
        action = record.action
        try:
            await self._client.start_workflow(
                AgentAction.run,
                ActionStart(action_id=action.id, digest=action.digest),
                id=workflow_id(action.id),
                task_queue=self._task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                execution_timeout=LIFETIME,
                static_summary=f"{action.action_type} by {action.agent}",
                static_details=f"Use case **{action.use_case}**, owner **{record.owner}**, action `{action.id}`",
                search_attributes=TypedSearchAttributes([SearchAttributePair(AGENT, action.agent)]),
                rpc_timeout=_START_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            return
        except (RPCError, RuntimeError) as problem:
            raise EngineUnavailable("Temporal does not take new work; try again with the same key") from problem

    async def vote(self, action_id: str, ballot: Ballot, timeout: timedelta) -> Receipt | None:
        """Carry a ballot to its action and return the receipt; None when the action is over.

        The same ballot id gives the same receipt. Raises EngineUnavailable when no answer came within `timeout`.
        """
        return await self._update(AgentAction.vote, action_id, ballot, f"vote-{ballot.id}", timeout)

    async def cancel(self, action_id: str, request: CancelRequest, timeout: timedelta) -> Receipt | None:
        """Carry a cancellation to its action and return the receipt; None when the action is over."""
        return await self._update(AgentAction.cancel, action_id, request, f"cancel-{request.id}", timeout)

    async def manage(self, action_id: str, request: ManageRequest, timeout: timedelta) -> Receipt | None:
        """Carry a reassignment, a snooze or an extension to its action; None when the action is over."""
        return await self._update(AgentAction.manage, action_id, request, f"manage-{request.id}", timeout)

    async def answer(self, action_id: str, request: AnswerRequest, timeout: timedelta) -> Receipt | None:
        """Carry the agent's answer to its action; None when the action is over."""
        return await self._update(AgentAction.answer, action_id, request, f"answer-{request.id}", timeout)

    async def revise(self, action_id: str, request: ReviseRequest, timeout: timedelta) -> Receipt | None:
        """Carry a revision whose arguments are stored to its action; None when the action is over."""
        return await self._update(AgentAction.revise, action_id, request, f"revise-{request.id}", timeout)

    async def holds_changed(self, action_id: str) -> None:
        """Tell an action that a hold over it was placed or lifted. One that is over, or never began, needs no telling.

        Raises EngineUnavailable.
        """
        handle = self._client.get_workflow_handle(workflow_id(action_id))
        try:
            await handle.signal(AgentAction.holds_changed, rpc_timeout=_START_TIMEOUT)
        except RPCError as problem:
            if problem.status not in _GONE:
                raise EngineUnavailable("Temporal does not take signals; actions are told of holds later") from problem
        except RuntimeError as problem:
            raise EngineUnavailable("Temporal does not answer; actions are told of holds later") from problem

    async def _update(
        self, update: object, action_id: str, argument: object, update_id: str, timeout: timedelta
    ) -> Receipt | None:
        handle = self._client.get_workflow_handle(workflow_id(action_id))
        try:
            answer: Receipt = await handle.execute_update(
                update,
                argument,
                id=update_id,
                rpc_timeout=timeout,
                result_type=Receipt,  # type: ignore[call-overload]
            )
        except WorkflowUpdateFailedError as failure:
            return _refused(failure)
        except WorkflowUpdateRPCTimeoutOrCancelledError as problem:
            raise EngineUnavailable("no worker answered in time; try again") from problem
        except RPCError as problem:
            if problem.status in _GONE:
                return None
            raise EngineUnavailable("Temporal does not answer; try again") from problem
        except RuntimeError as problem:  # what a lazy client raises when its first connection fails
            raise EngineUnavailable("Temporal does not answer; try again") from problem
        return answer


def _refused(failure: WorkflowUpdateFailedError) -> Receipt | None:
    """Turn a validator's refusal into a receipt; an update that the end of the workflow cut off is None."""
    cause = failure.cause
    if isinstance(cause, ApplicationError) and cause.type in set(RefusalCode):
        return Receipt(accepted=False, refusal=Refusal(code=RefusalCode(cause.type), message=cause.message))
    if isinstance(cause, ApplicationError) and cause.type == "AcceptedUpdateCompletedWorkflow":
        return None
    raise EngineUnavailable(f"the action could not answer: {cause}") from failure

"""The agents' side: a small client of Remit, and how the agents of the example submit their tasks.

What every agent needs to get right stands in `RemitClient`: the idempotency key is made from the task, before
the first attempt, and every attempt carries the same one. A time-out, a lost connection or a 503 is then safe to
answer by sending again: it is the same action, and it runs once.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import httpx

from examples.marketing.patience import PATIENCE_SECONDS, insist
from examples.marketing.task import Task
from examples.marketing.tasks import TASKS

__all__ = ["TASKS", "RemitClient", "RemitProblem", "Submitted", "Task", "idempotency_key", "submit_tasks"]

FINAL = frozenset({"succeeded", "failed", "in_doubt", "rejected", "expired", "denied", "suggested", "cancelled"})
_MARGIN_SECONDS = 15.0  # what a request may take beyond the wait it asked for
_ONE_WAIT_SECONDS = 30.0


class RemitProblem(Exception):
    """Remit refused a request: problem+json with a typed code."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status, self.code, self.detail = status, code, detail


class RemitClient:
    """Talks to Remit with one token: an agent's, a reviewer's or an admin's."""

    def __init__(
        self,
        api_url: str,
        token: str,
        patience: float = PATIENCE_SECONDS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._patience = patience
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.AsyncClient(base_url=api_url, headers=headers, trust_env=False, transport=transport)

    async def __aenter__(self) -> "RemitClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def submit(self, task: Task, key: str, wait: float = 0) -> dict[str, Any]:
        """Ask to do something and return the action, which may wait for people. Sent again, it is the same action."""
        body = {
            "use_case": task.use_case,
            "action_type": task.action_type,
            "arguments": task.arguments,
            "context": task.context,
        }
        return await self._call("POST", "/v1/actions", wait, json=body, headers={"Idempotency-Key": key})

    async def get(self, action_id: str, wait: float = 0) -> dict[str, Any]:
        """Return an action as it is now, or as it is when it ends within `wait` seconds."""
        return await self._call("GET", f"/v1/actions/{action_id}", wait)

    async def follow(self, action_id: str, timeout: float) -> dict[str, Any]:
        """Return an action once it has ended. Raises TimeoutError when it has not within `timeout` seconds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout
        while True:
            action = await self.get(action_id, min(_ONE_WAIT_SECONDS, max(until - loop.time(), 0)))
            if action["state"] in FINAL:
                return action
            if loop.time() >= until:
                raise TimeoutError(f"action {action_id} is still {action['state']} after {timeout:g} s")

    async def cancel(self, action_id: str) -> dict[str, Any]:
        """Withdraw an action that waits. Withdrawn before, it is returned as it is."""
        return await self._call("POST", f"/v1/actions/{action_id}/cancel")

    async def vote(self, action_id: str, decision: str, revision: str, reason: str = "") -> dict[str, Any]:
        """Vote, with a reviewer's token, on the revision that was read."""
        body = {"decision": decision, "revision": revision, "reason": reason}
        return await self._call("POST", f"/v1/actions/{action_id}/votes", json=body)

    async def policy(self) -> dict[str, Any]:
        """Return which policy is active."""
        return await self._call("GET", "/v1/policy")

    async def propose(self, bundle: Mapping[str, Any], reason: str) -> dict[str, Any]:
        """Propose a change of the policy, with a reviewer's token. Sent again, it is the same proposal."""
        return await self._call("POST", "/v1/policy/proposals", json={"bundle": bundle, "reason": reason})

    async def ledger(self, action_id: str) -> list[dict[str, Any]]:
        """Return the ledger entries of an action, in order."""
        answer = await self._call("GET", f"/v1/actions/{action_id}/ledger")
        items: list[dict[str, Any]] = answer["items"]
        return items

    async def _call(
        self,
        method: str,
        path: str,
        wait: float = 0,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        async def send() -> httpx.Response:
            parameters = {"wait": f"{wait:g}"} if wait else None
            return await self._http.request(
                method, path, params=parameters, json=json, headers=headers, timeout=wait + _MARGIN_SECONDS
            )

        response = await insist(send, self._patience)
        if response.is_error:
            raise _problem(response)
        answer: dict[str, Any] = response.json()
        return answer


@dataclass(frozen=True)
class Submitted:
    """A task and the action it became."""

    task: Task
    action_id: str


def idempotency_key(task: Task, run: str) -> str:
    """Return the key of a task: the same for every attempt of this run, another for the next run."""
    return "task-" + hashlib.sha256(f"{run}/{task.agent}/{task.name}".encode()).hexdigest()[:40]


async def submit_tasks(
    api_url: str, tokens: Mapping[str, str], run: str, tasks: Sequence[Task] = TASKS, wait: float = 5
) -> list[Submitted]:
    """Have each task submitted by its agent, all at the same time. Those that need nobody come back finished."""

    async def submit(task: Task) -> Submitted:
        async with RemitClient(api_url, tokens[task.agent]) as client:
            action = await client.submit(task, idempotency_key(task, run), 0 if task.asks else wait)
        return Submitted(task, action["id"])

    return list(await asyncio.gather(*(submit(task) for task in tasks)))


def _problem(response: httpx.Response) -> RemitProblem:
    try:
        said = response.json()
    except ValueError:
        said = {}
    if not isinstance(said, dict):
        said = {}
    return RemitProblem(
        response.status_code, str(said.get("code", "unknown")), str(said.get("detail", response.text[:300]))
    )

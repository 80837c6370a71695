import json
from collections.abc import Callable

import httpx
import pytest

from examples.marketing.agent import RemitClient, RemitProblem, idempotency_key
from examples.marketing.tasks import TASKS

TASK = TASKS[0]
ACTION = {"id": "a" * 32, "state": "pending_approval"}
Answer = Callable[[httpx.Request], httpx.Response]


class Script(httpx.AsyncBaseTransport):
    """Gives the scripted answers, the last one from then on, and keeps every request."""

    def __init__(self, *answers: Answer) -> None:
        self.requests: list[httpx.Request] = []
        self._answers = list(answers)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return answer(request)


def client(script: Script, patience: float = 10) -> RemitClient:
    return RemitClient("http://remit", "token", patience, script)


def lost(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("the connection broke", request=request)


def away(_: httpx.Request) -> httpx.Response:
    return httpx.Response(503, headers={"Retry-After": "0"}, json={"code": "engine_unavailable", "detail": "later"})


def accepted(_: httpx.Request) -> httpx.Response:
    return httpx.Response(202, json=ACTION)


async def test_every_attempt_of_a_submission_carries_the_same_key_and_body() -> None:
    script = Script(lost, away, accepted)
    async with client(script) as agent:
        assert await agent.submit(TASK, "key-1", wait=5) == ACTION
    assert [request.headers["Idempotency-Key"] for request in script.requests] == ["key-1"] * 3
    assert len({request.content for request in script.requests}) == 1
    assert json.loads(script.requests[0].content)["arguments"] == TASK.arguments
    assert script.requests[0].url.params["wait"] == "5"


async def test_patience_ends_with_what_was_wrong() -> None:
    async with client(Script(away), patience=0.5) as agent:
        with pytest.raises(RemitProblem) as said:
            await agent.get("a" * 32)
    assert (said.value.status, said.value.code) == (503, "engine_unavailable")
    async with client(Script(lost), patience=0.5) as agent:
        with pytest.raises(httpx.ReadError):
            await agent.get("a" * 32)


async def test_a_refusal_is_not_sent_again() -> None:
    script = Script(lambda _: httpx.Response(409, json={"code": "idempotency_conflict", "detail": "another body"}))
    async with client(script) as agent:
        with pytest.raises(RemitProblem, match="409 idempotency_conflict: another body"):
            await agent.submit(TASK, "key-1")
    assert len(script.requests) == 1


async def test_an_error_that_is_not_json_is_told_as_it_came() -> None:
    async with client(Script(lambda _: httpx.Response(404, text="<html>no such page</html>"))) as agent:
        with pytest.raises(RemitProblem, match="404 unknown: <html>no such page"):
            await agent.get("a" * 32)


async def test_following_waits_for_a_final_state() -> None:
    ended = {**ACTION, "state": "succeeded"}
    script = Script(accepted, accepted, lambda _: httpx.Response(200, json=ended))
    async with client(script) as agent:
        assert await agent.follow("a" * 32, timeout=20) == ended
    assert len(script.requests) == 3
    async with client(Script(accepted)) as agent:
        with pytest.raises(TimeoutError, match="still pending_approval"):
            await agent.follow("a" * 32, timeout=0.1)


def test_keys_belong_to_the_task_and_the_run() -> None:
    keys = {idempotency_key(task, run) for task in TASKS for run in ("one", "two")}
    assert len(keys) == 2 * len(TASKS)
    assert idempotency_key(TASK, "one") == idempotency_key(TASK, "one")

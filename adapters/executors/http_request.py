"""`http.request`: call one of the systems this deployment allows, as the action type's settings say.

Method, path and time-out come from the catalog, the base URL and token from the deployment's settings. The
agent's arguments only fill path placeholders, each percent-encoded, and the JSON body. Redirects are not
followed. Every request carries `Idempotency-Key`, the same for every attempt of one action, so that the other
side can tell a repeat. Settings of an action type:

    system: crm                       # a name in REMIT_SYSTEMS: the allow list
    method: POST                      # POST, PUT, PATCH or DELETE
    path: /leads/{lead_id}/score      # placeholders are names of arguments
    body: [score, reasons]            # the arguments in the JSON body; without it, all that the path did not take
    timeout_seconds: 2                # up to 3 counts as short: it runs inside the workflow task
    idempotent: true                  # false when the other side ignores Idempotency-Key
"""

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from domain.canonical import canonical_bytes
from domain.errors import EffectNotSent, EffectRefused, EffectUnknown, InvalidRequest

MAX_ANSWER_BYTES = 64 * 1024
SHORT_SECONDS = 3.0
_GRACE_SECONDS = 1.0
_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class RemoteSystem(BaseModel):
    """A system of the allow list: where it is, and the bearer token it wants."""

    model_config = ConfigDict(frozen=True)

    url: str
    token: SecretStr | None = None


class HttpRequestSettings(BaseModel):
    """The settings of an action type that uses this executor."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    system: str
    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    path: Annotated[str, Field(pattern=r"^/")]
    body: list[str] | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10
    idempotent: bool = True


def http_client() -> httpx.AsyncClient:
    """Return the connections for this executor: no redirects, no proxies or credentials from the environment."""
    return httpx.AsyncClient(follow_redirects=False, trust_env=False)


class HttpRequest:
    """The executor. It shares its process's connections, made by `http_client`."""

    def __init__(self, systems: Mapping[str, RemoteSystem], client: httpx.AsyncClient) -> None:
        self._systems = systems
        self._client = client

    def is_short(self, settings: Mapping[str, Any]) -> bool:
        """Whether the time-out keeps it within the workflow task."""
        return HttpRequestSettings.model_validate(settings).timeout_seconds <= SHORT_SECONDS

    def is_idempotent(self, settings: Mapping[str, Any]) -> bool:
        """Whether the other side honours Idempotency-Key, as the catalog says."""
        return HttpRequestSettings.model_validate(settings).idempotent

    async def run(self, settings: Mapping[str, Any], arguments: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Send the request and return `{"status": ..., "body": ...}`."""
        wanted = HttpRequestSettings.model_validate(settings)
        system = self._systems.get(wanted.system)
        if system is None:
            raise EffectRefused(f"system '{wanted.system}' is not in REMIT_SYSTEMS; nothing was sent")
        request = self._request(wanted, system, arguments, key)
        try:
            # httpx bounds each wait; this bounds their sum, for a system that answers drop by drop.
            async with asyncio.timeout(wanted.timeout_seconds + _GRACE_SECONDS):
                response = await self._client.send(request, stream=True)
                try:
                    answer = await _bounded(response)
                finally:
                    await response.aclose()
        except _NOT_SENT as problem:
            raise EffectNotSent(f"{wanted.system} could not be reached: {type(problem).__name__}") from problem
        except (httpx.HTTPError, TimeoutError) as problem:
            raise EffectUnknown(f"{wanted.system} did not answer in full: {type(problem).__name__}") from problem
        return _judged(response, answer, wanted.system)

    def _request(
        self, wanted: HttpRequestSettings, system: RemoteSystem, arguments: Mapping[str, Any], key: str
    ) -> httpx.Request:
        taken = set(_PLACEHOLDER.findall(wanted.path))
        path = _PLACEHOLDER.sub(lambda found: _segment(arguments, found.group(1)), wanted.path)
        names = wanted.body if wanted.body is not None else sorted(set(arguments) - taken)
        content = canonical_bytes({name: arguments[name] for name in names if name in arguments})
        headers = {"Idempotency-Key": key, "Content-Type": "application/json", "Accept": "application/json"}
        if system.token is not None:
            headers["Authorization"] = f"Bearer {system.token.get_secret_value()}"
        url = system.url.rstrip("/") + path
        return self._client.build_request(
            wanted.method, url, content=content, headers=headers, timeout=wanted.timeout_seconds
        )


def _segment(arguments: Mapping[str, Any], name: str) -> str:
    """Return an argument as one path segment, which it can neither leave nor extend."""
    value = arguments.get(name)
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if text in ("", ".", ".."):
        raise EffectRefused(f"argument '{name}' cannot stand in a path: {value!r}; nothing was sent")
    return quote(text, safe="")


async def _bounded(response: httpx.Response) -> bytes:
    answer = b""
    async for chunk in response.aiter_bytes():
        answer += chunk
        if len(answer) > MAX_ANSWER_BYTES:
            return answer[:MAX_ANSWER_BYTES]
    return answer


def _judged(response: httpx.Response, answer: bytes, system: str) -> dict[str, Any]:
    """Return the answer of a success; 4xx is a refusal, 5xx and 429 and 3xx leave it open."""
    if response.is_success:
        return {"status": response.status_code, "body": _readable(answer)}
    said = f"{system} answered {response.status_code}: {answer[:300].decode(errors='replace')}"
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise EffectNotSent(said)
    if response.is_client_error:
        raise EffectRefused(said)
    raise EffectUnknown(said)


def _readable(answer: bytes) -> Any:
    """Return JSON as JSON where it can be kept as it is, anything else as text."""
    try:
        value = json.loads(answer)
        canonical_bytes(value)
    except (ValueError, InvalidRequest, RecursionError):
        return answer[:4096].decode(errors="replace")
    return value

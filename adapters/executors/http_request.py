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

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import quote

import aiohttp
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from yarl import URL

from domain.canonical import canonical_bytes
from domain.errors import EffectNotSent, EffectRefused, EffectUnknown, InvalidRequest

MAX_ANSWER_BYTES = 64 * 1024
SHORT_SECONDS = 3.0
_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_TOO_MANY_REQUESTS = 429


class RemoteSystem(BaseModel):
    """A system of the allow list: where it is, and the bearer token it wants."""

    model_config = ConfigDict(frozen=True)

    url: str
    token: SecretStr | None = None


def _path(template: str) -> str:
    """Return a path whose braces are all placeholders and whose segments stay where they stand."""
    plain = _PLACEHOLDER.sub("x", template)
    if not _PLAIN_PATH.fullmatch(plain):
        raise ValueError("must start with / and hold URL characters and placeholders like {lead_id} only")
    if {".", ".."} & set(plain.partition("?")[0].split("/")):
        raise ValueError("must not hold the segments . and ..")
    return template


class HttpRequestSettings(BaseModel):
    """The settings of an action type that uses this executor."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    system: str
    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    path: Annotated[str, AfterValidator(_path)]
    body: list[str] | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10
    idempotent: bool = True

    @model_validator(mode="after")
    def _repeatable_by_definition(self) -> "HttpRequestSettings":
        if not self.idempotent and self.method in ("PUT", "DELETE"):
            # The client sends these again by itself when a kept connection turns out to be closed.
            raise ValueError(f"{self.method} is idempotent by definition (RFC 9110); use POST or PATCH where it is not")
        return self


def http_client() -> aiohttp.ClientSession:
    """Return the connections for this executor: no cookies, no proxies or credentials from the environment."""
    return aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar())


class HttpRequest:
    """The executor. It shares its process's connections, made by `http_client`."""

    def __init__(self, systems: Mapping[str, RemoteSystem], client: aiohttp.ClientSession) -> None:
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
        path, content = _filled(wanted, arguments)
        limit = aiohttp.ClientTimeout(total=wanted.timeout_seconds, sock_connect=wanted.timeout_seconds)
        try:
            async with self._client.request(
                wanted.method,
                URL(system.url.rstrip("/") + path, encoded=True),
                data=content,
                headers=_headers(system, key),
                allow_redirects=False,
                timeout=limit,
            ) as response:
                return _judged(response.status, await _bounded(response), wanted.system)
        except _NOT_SENT as problem:
            raise EffectNotSent(f"{wanted.system} could not be reached: {type(problem).__name__}") from problem
        except (aiohttp.ClientError, OSError, TimeoutError) as problem:
            raise EffectUnknown(f"{wanted.system} did not answer in full: {type(problem).__name__}") from problem


def _filled(wanted: HttpRequestSettings, arguments: Mapping[str, Any]) -> tuple[str, bytes]:
    """Return the path and the JSON body that the arguments fill."""
    taken = set(_PLACEHOLDER.findall(wanted.path))
    path = _PLACEHOLDER.sub(lambda found: _segment(arguments, found.group(1)), wanted.path)
    names = wanted.body if wanted.body is not None else sorted(set(arguments) - taken)
    return path, canonical_bytes({name: arguments[name] for name in names if name in arguments})


def _headers(system: RemoteSystem, key: str) -> dict[str, str]:
    headers = {"Idempotency-Key": key, "Content-Type": "application/json", "Accept": "application/json"}
    if system.token is not None:
        headers["Authorization"] = f"Bearer {system.token.get_secret_value()}"
    return headers


def _segment(arguments: Mapping[str, Any], name: str) -> str:
    """Return an argument as one path segment, which it can neither leave nor extend."""
    value = arguments.get(name)
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if text in ("", ".", ".."):
        raise EffectRefused(f"argument '{name}' cannot stand in a path: {value!r}; nothing was sent")
    return quote(text, safe="")


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    answer = b""
    async for chunk in response.content.iter_any():
        answer += chunk
        if len(answer) > MAX_ANSWER_BYTES:
            return answer[:MAX_ANSWER_BYTES]
    return answer


def _judged(status: int, answer: bytes, system: str) -> dict[str, Any]:
    """Return the answer of a success; 4xx is a refusal, 429 was not taken, 3xx and 5xx leave it open."""
    if 200 <= status < 300:
        return {"status": status, "body": _readable(answer)}
    said = f"{system} answered {status}"
    if status == _TOO_MANY_REQUESTS:
        raise EffectNotSent(said)
    if 400 <= status < 500:
        raise EffectRefused(f"{said}: {answer[:300].decode(errors='replace')}")
    raise EffectUnknown(said)


def _readable(answer: bytes) -> Any:
    """Return JSON as JSON where it can be kept as it is, anything else as text."""
    try:
        value = json.loads(answer)
        canonical_bytes(value)
    except (ValueError, InvalidRequest, RecursionError):
        return answer[:4096].decode(errors="replace")
    return value

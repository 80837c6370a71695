"""Slack's door by Socket Mode: Remit opens the connection, so Slack needs no way in.

What comes in goes through the same `SlackDoor.dispatch` as by HTTP, and the acknowledgement is what the HTTP answer
would be. It is sent when the vote is where it stays: a process that dies before leaves the click to be made again,
never a vote that was said to count and is lost. Several processes may be connected at once; Slack gives an envelope
to one of them, and one that comes twice is one ballot.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import structlog
from pydantic import SecretStr
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from adapters.notifiers.slack import slack_client
from adapters.notifiers.slack.client import SlackRefused, slack_errors
from api.slack_dispatch import ACK_SECONDS, SlackDoor
from api.slack_payloads import inbound_of
from domain.errors import NotifierUnavailable, RemitError
from settings import Settings

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 10
PAUSE_SECONDS: float = 5
"""How long to wait before connecting anew, and how long the client may be without a connection."""
_CHECK_SECONDS: float = 0.5
_TO_DO = "set REMIT_SLACK_APP_TOKEN to an app-level token with the scope connections:write, and switch Socket Mode on"


@contextlib.asynccontextmanager
async def socket_mode(settings: Settings, door: Callable[[], SlackDoor]) -> AsyncIterator[None]:
    """Stay connected to Slack, where an app-level token is set."""
    token = settings.slack_app_token
    if token is None:
        yield
        return
    staying = asyncio.create_task(_stay_connected(token, str(settings.slack_base_url), door()))
    try:
        yield
    finally:
        staying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await staying


async def _stay_connected(token: SecretStr, base_url: str, door: SlackDoor) -> None:
    """Connect, and connect anew whenever the connection is gone for good, until cancelled."""
    while True:
        pause = PAUSE_SECONDS
        try:
            with slack_errors():
                await _connected_until_lost(token, base_url, door)
            log.warning("slack_socket_lost", to_do="nothing: it is connected anew")
        except SlackRefused as refusal:
            log.error("slack_socket_refused", code=refusal.code, to_do=_TO_DO)
        except NotifierUnavailable as problem:
            log.warning("slack_socket_delayed", problem=str(problem))
            pause = max(pause, problem.retry_after or 0)
        except Exception:
            log.exception("slack_socket_failed", to_do="nothing: it is connected anew")
        await asyncio.sleep(pause)


async def _connected_until_lost(token: SecretStr, base_url: str, door: SlackDoor) -> None:
    """Take envelopes until the client has had no connection for `PAUSE_SECONDS`.

    The client follows Slack from one connection to the next by itself, but tries one address for ever. So it is
    given up when it stays without a connection, and the next one asks for an address of its own.
    """
    client = SocketModeClient(token.get_secret_value(), web_client=slack_client(token, base_url))
    receiver = _Receiver(door)
    client.socket_mode_request_listeners.append(receiver.receive)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            opened = await client.web_client.apps_connections_open(app_token=client.app_token)
            client.wss_uri = opened["url"]
            await client.connect()  # type: ignore[no-untyped-call]
        log.info("slack_socket_connected")
        loop = asyncio.get_running_loop()
        seen = loop.time()
        while loop.time() - seen < PAUSE_SECONDS:
            await asyncio.sleep(_CHECK_SECONDS)
            if await client.is_connected():
                seen = loop.time()
    finally:
        await receiver.finished()
        await client.close()  # type: ignore[no-untyped-call]


class _Receiver:
    """Takes envelopes, and knows those under way, so that none is cut off by an orderly end."""

    def __init__(self, door: SlackDoor) -> None:
        self._door = door
        self._under_way: set[asyncio.Task[None]] = set()

    async def receive(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        """Begin with an envelope."""
        task = asyncio.create_task(self._take(client, request))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def finished(self) -> None:
        """Wait for what is under way, as long as an acknowledgement may take."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=ACK_SECONDS)

    async def _take(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        """Dispatch an envelope and acknowledge it. One that cannot be read is not: its sender sees Slack's warning."""
        try:
            ack = await self._door.dispatch(inbound_of(request.type, request.payload))
        except RemitError as problem:
            log.warning("slack_envelope_refused", kind=request.type, code=problem.code, problem=str(problem))
            return
        except Exception:
            log.exception("slack_envelope_failed", kind=request.type)
            return
        try:
            await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, ack.body))
        except (OSError, RuntimeError) as problem:
            log.warning("slack_ack_lost", kind=request.type, problem=type(problem).__name__)
        if ack.note is not None:
            await self._door.deliver(ack.note)
        if ack.home is not None:
            await self._door.publish(ack.home)

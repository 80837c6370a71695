"""Slack's door by HTTP: clicks come in signed, votes go out. Nothing is believed before its signature is."""

import re
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import SecretStr
from slack_sdk.signature import SignatureVerifier

from adapters.notifiers import button_seal
from adapters.notifiers.slack import slack_client
from adapters.notifiers.slack.accounts import Accounts
from api.connections import Connections, connections
from api.identity import Doors
from api.limits import MAX_BODY_BYTES
from api.problems import documented
from api.slack_clicks import Clicks
from api.slack_dispatch import SlackDoor
from api.slack_payloads import Inbound, inbound_in
from api.voting import cast_ballot
from domain.approval import Ballot, Receipt
from domain.errors import InvalidRequest, NotFound, Unauthenticated

router = APIRouter(prefix="/slack", tags=["slack"])

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")


def door_of(doors: Connections) -> SlackDoor:
    """Return the door of a process with these connections."""
    settings = doors.settings

    async def cast(action_id: str, ballot: Ballot, patience: timedelta) -> Receipt:
        return await cast_ballot(doors, action_id, ballot, patience)

    token = settings.slack_bot_token
    client = slack_client(token, str(settings.slack_base_url)) if token is not None else None
    clicks = Clicks(button_seal(settings), doors.notices, doors.ledger)
    return SlackDoor(doors.policies, cast, client, clicks, doors, Accounts(client))


def slack_door(request: Request, doors: Annotated[Connections, Depends(connections)]) -> SlackDoor:
    """Return the process's Slack door, made on first use. Raises NotFound where Slack does not come by HTTP."""
    if not _configured(doors.settings.slack_signing_secret):
        raise NotFound("Slack is not configured; set REMIT_SLACK_SIGNING_SECRET and REMIT_SLACK_BOT_TOKEN")
    found: SlackDoor | None = getattr(request.app.state, "slack_door", None)
    if found is None:
        found = door_of(doors)
        request.app.state.slack_door = found
    return found


@router.post(
    "/interactions",
    summary="Receive clicks, commands and events from Slack",
    response_class=Response,
    responses={200: {"description": "Taken: empty, or what Slack is to show"}, **documented(401, 404, 413, 422)},
)
async def interactions(
    request: Request, afterwards: BackgroundTasks, doors: Doors, door: Annotated[SlackDoor, Depends(slack_door)]
) -> Response:
    """Take one signed request of Slack's, carry the vote to its action and acknowledge it within 3 s."""
    body = await _signed_body(request, doors.settings.slack_signing_secret)
    ack = await door.dispatch(_inbound(request, body))
    if ack.note is not None:
        afterwards.add_task(door.deliver, ack.note)
    if ack.home is not None:
        afterwards.add_task(door.publish, ack.home)
    return JSONResponse(ack.body) if ack.body is not None else Response()


def _inbound(request: Request, body: bytes) -> Inbound:
    """Return what the body says. One that Slack would not have sent is turned away as if it were not signed."""
    try:
        return inbound_in(request.headers.get("content-type", ""), body)
    except InvalidRequest as problem:
        raise Unauthenticated(f"this is nothing that Slack sends: {problem}") from problem


async def _signed_body(request: Request, secret: SecretStr | None) -> bytes:
    """Return the body whose signature is proven. Raises Unauthenticated for anything else, without saying what."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise _unproven()
    timestamps = request.headers.getlist("x-slack-request-timestamp")
    signatures = request.headers.getlist("x-slack-signature")
    if secret is None or len(timestamps) != 1 or len(signatures) != 1:
        raise _unproven()
    if not is_signed(bytes(body), timestamps[0], signatures[0], secret.get_secret_value()):
        raise _unproven()
    return bytes(body)


def is_signed(body: bytes, timestamp: str, signature: str, secret: str) -> bool:
    """Whether Slack signed exactly these bytes within the last five minutes.

    The shapes are checked first, because the verifier raises for what is not a number, not ASCII or not UTF-8.
    """
    if not _TIMESTAMP.fullmatch(timestamp) or not _SIGNATURE.fullmatch(signature):
        return False
    try:
        return SignatureVerifier(secret).is_valid(body=body, timestamp=timestamp, signature=signature)
    except UnicodeDecodeError:
        return False


def _configured(secret: SecretStr | None) -> bool:
    return secret is not None and bool(secret.get_secret_value().strip())


def _unproven() -> Unauthenticated:
    return Unauthenticated("the request is not signed by Slack for this app, or is older than five minutes")

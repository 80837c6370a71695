"""The page's forms besides the vote: an edit, a reassignment, a snooze, an extension."""

import json
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import ValidationError

from api.connections import Connections
from api.identity import Doors
from api.managing import manage, moment
from api.review_action import Draft, action_page
from api.review_edit import EditDraft
from api.review_forms import read_form, require_form_token
from api.review_manage import moment_of
from api.review_pages import PREFIX, PageRoute, redirect
from api.review_receipt import Notice
from api.review_requested import not_done, not_known, request_id
from api.review_session import Reviewer, SignedForm, SignedIn
from api.revising import Wanted, revise
from api.step_up import is_stepped_up
from domain.approval import Door, Receipt
from domain.canonical import canonical_bytes
from domain.editing import MAX_FIELDS, edited, form_of
from domain.errors import InvalidArguments, InvalidRequest, RefusalCode, TooLarge, Unavailable
from domain.escalation import ManageRequest
from domain.ledger import Actor, ActorKind
from domain.record import ActionRecord

router = APIRouter(route_class=PageRoute, include_in_schema=False)

MAX_EDIT_BYTES = 240 * 1024
"""Arguments of 64 KiB, each byte percent-encoded as three, with room for the rest."""

_FIELDS_BESIDE = 8
_MAX_REASON = 2000
_NONCE = re.compile(r"[0-9a-f]{32}")
_FIELD = "set-"
ActionId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


async def _edit_posted(request: Request, doors: Doors, who: SignedIn) -> Mapping[str, str]:
    """Return the fields of an edit form that was made for this session. It may be larger than the others."""
    form = await read_form(request, doors, MAX_EDIT_BYTES, MAX_FIELDS + _FIELDS_BESIDE)
    require_form_token(form, who.form_token)
    return form


@router.post("/{action_id}/revisions")
async def edit(
    action_id: ActionId, form: Annotated[Mapping[str, str], Depends(_edit_posted)], who: SignedIn, doors: Doors
) -> Response:
    """Make an edit of the revision that was shown, and lead back to the action with what became of it."""
    nonce = _nonce(form)
    typed = {name.removeprefix(_FIELD): text for name, text in form.items() if name.startswith(_FIELD)}
    draft = EditDraft(form.get("revision", ""), typed, form.get("reason", ""))

    async def again(notice: Notice, status: int, kept: str | None = None) -> Response:
        start = Draft(nonce=kept or secrets.token_hex(16))
        return await action_page(doors, who, action_id, start, notice=notice, edit=draft, status=status)

    try:
        wanted = await _wanted(doors, await doors.actions.get(action_id), who, form, typed)
        actor = Actor(kind=ActorKind.PERSON, id=who.person.id, door=Door.PAGE.value)
        _, receipt = await revise(doors, action_id, actor, wanted)
    except (InvalidRequest, InvalidArguments, TooLarge) as problem:
        return await again(not_done(problem), 422)
    except Unavailable as problem:
        # The same form comes back with the same request in it: sent again, it is made once.
        return await again(not_known(problem), 503, kept=nonce)
    if receipt.refusal is not None and receipt.refusal.code is RefusalCode.EDIT_REFUSED:
        return await again(not_done(receipt.refusal), 422)
    return _led_back(action_id, wanted.id, receipt)


@router.post("/{action_id}/approval")
async def manage_posted(action_id: ActionId, form: SignedForm, who: SignedIn, doors: Doors) -> Response:
    """Hand the question on, put off the reminder or move the deadline, and lead back to the action."""
    kind, to = form.get("kind", ""), form.get("to") or None
    until = moment(moment_of(form["until"])) if form.get("until") else None
    named = request_id(who.person, _nonce(form), [kind, to or "", until.isoformat() if until else ""])
    try:
        request = ManageRequest.model_validate(
            {"id": named, "kind": kind, "person": who.person.id, "to": to, "until": until, "door": Door.PAGE}
        )
    except ValidationError as problem:
        raise InvalidRequest("the form cannot be read; open the action again and use the form there") from problem
    try:
        receipt = await manage(doors, action_id, request)
    except Unavailable as problem:
        draft = Draft(nonce=_nonce(form))
        return await action_page(doors, who, action_id, draft, notice=not_known(problem), status=503)
    return _led_back(action_id, named, receipt)


async def _wanted(
    doors: Connections, record: ActionRecord, who: Reviewer, form: Mapping[str, str], typed: Mapping[str, str]
) -> Wanted:
    """Return the revision that a form asks for, made of the revision that it was drawn from."""
    base, reason = form.get("revision", ""), _reason(form)
    action_type = who.policy.action_types.get(record.action.action_type)
    arguments = await _arguments_of(doors, record, base)
    if arguments is None or action_type is None:
        raise InvalidRequest("the form is about no revision of this action; open the action again and edit it there")
    values = json.loads(arguments)
    after = edited(values, form_of(values, action_type.editable, action_type.arguments), typed)
    return Wanted(
        id=request_id(who.person, _nonce(form), [base, canonical_bytes(after).decode(), reason]),
        base=base,
        arguments=after,
        reason=reason,
        stepped_up=is_stepped_up(who.stepped_up_until, datetime.now(UTC)),
    )


async def _arguments_of(doors: Connections, record: ActionRecord, base: str) -> bytes | None:
    """Return the arguments of a revision that stands or stood; None for what is none of the action's."""
    if base == record.action.digest:
        return record.action.arguments_bytes
    stored = await doors.revisions.proposed(record.action.id, base)
    return stored.arguments_bytes if stored is not None and stored.number is not None else None


def _led_back(action_id: str, named: str, receipt: Receipt) -> Response:
    refused = f"&refused={receipt.refusal.code.value}" if receipt.refusal is not None else ""
    return redirect(f"{PREFIX}/{action_id}?request={named.rpartition('-')[2]}{refused}")


def _nonce(form: Mapping[str, str]) -> str:
    if not _NONCE.fullmatch(form.get("request", "")):
        raise InvalidRequest("the form names no request; open the action again and use the form there")
    return form["request"]


def _reason(form: Mapping[str, str]) -> str:
    reason = form.get("reason", "").replace("\r\n", "\n")
    if len(reason) > _MAX_REASON:
        raise InvalidRequest(f"the reason has {len(reason)} characters; it may have {_MAX_REASON}")
    return reason

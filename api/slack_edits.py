"""Editing in Slack: the form is sent twice, first to see what changes, then to make it the new revision."""

import json
from datetime import UTC, datetime
from typing import Any

from adapters.notifiers.slack.cards import review_link
from adapters.notifiers.slack.edit_form import Draft, edit_view, offered
from adapters.notifiers.slack.forms import MAX_REASON
from api.review_edit import edit_form, values_of
from api.review_view import why_closed
from api.revising import Wanted, revise
from api.slack_answers import Ack, Home, SlackParts, answer
from api.slack_clicks import RefusedClick
from api.slack_forms import wrong_in
from api.slack_menu import GONE, request_id
from api.slack_payloads import ViewSubmission
from api.slack_views import Carried
from api.slack_votes import STRANGER
from domain.approval import Door
from domain.canonical import digest, revision_bytes
from domain.catalog import Person
from domain.editing import EditForm, edited
from domain.errors import InvalidRequest, NotFound, RemitError, TooLarge, Unavailable
from domain.ledger import Actor, ActorKind
from domain.record import ActionRecord
from domain.revising import why_not_edit

_CHANGED = "It was changed since you opened this form, so nothing was done. Open the form again from the newest card."


async def edit_sent(parts: SlackParts, submission: ViewSubmission) -> Ack:
    """Take the form that edits: show what would change, or make it, when that is what was shown."""
    user = submission.user.id
    person = await parts.person(user)
    carried = await parts.clicks.carried_by(submission, person)
    if isinstance(carried, RefusedClick):
        return answer(submission, carried.told)
    if person is None:
        return answer(submission, STRANGER.format(user=user))
    if (refused := await parts.objection(user, carried.action)) is not None:
        await parts.clicks.record(submission, carried, person, refused)
        return answer(submission, refused.told)
    try:
        record = await parts.doors.actions.get(carried.action)
    except NotFound:
        return answer(submission, GONE)
    if carried.previewed == record.action.digest:
        return Ack(home=Home(user))  # sent twice: what they asked for stands there
    fields = await _fields(parts, record, person, carried)
    if isinstance(fields, str):
        return answer(submission, fields)
    return await _taken(parts, submission, carried, person, record, fields)


async def _fields(parts: SlackParts, record: ActionRecord, person: Person, carried: Carried) -> EditForm | str:
    """Return the form as this person may fill it in now, or why they may not."""
    now, policy = datetime.now(UTC), await parts.policies.current()
    if (closed := why_closed(record, now)) is not None or record.approval is None:
        return closed or GONE
    if record.action.digest != carried.revision:
        return _CHANGED
    if (refusal := why_not_edit(person.id, policy, record.approval, now)) is not None:
        return f"{refusal.message}."
    return edit_form(record, person, policy, now) or "Nothing of this action can be edited any more."


async def _taken(
    parts: SlackParts,
    submission: ViewSubmission,
    carried: Carried,
    person: Person,
    record: ActionRecord,
    fields: EditForm,
) -> Ack:
    typed, reason = _typed(submission, fields), submission.view.reason.strip()
    if len(reason) > MAX_REASON:
        return answer(submission, f"The reason has {len(reason)} characters; the limit is {MAX_REASON}.")
    try:
        after = edited(values_of(record), fields, typed)
        data = revision_bytes(after)
    except (InvalidRequest, TooLarge) as problem:
        return _wrong(submission, fields, str(problem))
    revision = digest(data)
    if revision == record.action.digest:
        return answer(submission, "Nothing is changed yet: change a field, or cancel.")
    if carried.previewed != revision:
        return _shown(parts, submission, carried, record, fields, Draft(typed, reason, b"", data))
    return await _made(parts, submission, record, person, after, reason)


def _shown(
    parts: SlackParts,
    submission: ViewSubmission,
    carried: Carried,
    record: ActionRecord,
    fields: EditForm,
    draft: Draft,
) -> Ack:
    """Show what would change, field by field, in the place of the form; what was typed stays in it."""
    action = record.action
    previewing = carried.model_copy(update={"previewed": digest(draft.after)})
    metadata = parts.clicks.sealed(previewing, submission.user.id, submission.view.callback_id)
    link = review_link(str(parts.doors.settings.public_url), action.id)
    draft = draft._replace(before=action.arguments_bytes)
    view = edit_view(action.id, action.digest, fields, link, metadata, draft)
    return Ack(body={"response_action": "update", "view": view})


async def _made(
    parts: SlackParts, submission: ViewSubmission, record: ActionRecord, person: Person, after: Any, reason: str
) -> Ack:
    base = record.action.digest
    named = request_id(submission, [base, json.dumps(after, sort_keys=True), reason])
    actor = Actor(kind=ActorKind.PERSON, id=person.id, door=Door.SLACK.value)
    wanted = Wanted(id=named, base=base, arguments=after, reason=reason)
    try:
        _, receipt = await revise(parts.doors, record.action.id, actor, wanted)
    except Unavailable:
        raise
    except RemitError as problem:
        return answer(submission, f"{problem}.")
    if receipt.refusal is not None:
        return answer(submission, f"{receipt.refusal.message}.")
    return Ack(home=Home(submission.user.id))


def _typed(submission: ViewSubmission, fields: EditForm) -> dict[str, str]:
    """Return what was typed into the fields that the form had, by key."""
    shown, _ = offered(fields)
    given = submission.view.state.values
    return {field.key: submission.view.text_in(field.key) for field in shown if field.key in given}


def _wrong(submission: ViewSubmission, fields: EditForm, message: str) -> Ack:
    """Tell what is wrong in the field that it names."""
    block = next((field.key for field in fields.fields if message.startswith(f"{field.label}:")), "")
    return wrong_in(submission, block, message)

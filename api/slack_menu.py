"""The menu of a card: edit, ask the agent, reassign, snooze, extend. Each opens a form for whoever may do it now."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from adapters.notifiers.slack.buttons import ASK, DETAILS, EDIT, EXTEND, REASSIGN, SNOOZE
from adapters.notifiers.slack.cards import review_link
from adapters.notifiers.slack.edit_form import EDIT_FORM, edit_view
from adapters.notifiers.slack.forms import MAX_OPTIONS, View, about, between, form, moment_input, person_input
from adapters.notifiers.slack.seal import Choice
from adapters.notifiers.slack.text import section
from api.managing import manage
from api.review_edit import edit_form
from api.review_manage import Managing, Window, managing_of
from api.review_view import why_closed, why_no_vote
from api.slack_answers import Ack, SlackParts, answer
from api.slack_clicks import RefusedClick
from api.slack_forms import open_form
from api.slack_payloads import BlockActions, ViewSubmission
from api.slack_views import Carried
from api.slack_votes import ASK_FORM, STRANGER, ask_why
from domain.approval import Door
from domain.catalog import Person
from domain.errors import NotFound
from domain.escalation import ManageRequest
from domain.policy import Policy
from domain.record import ActionRecord
from domain.revising import why_not_edit

REASSIGN_FORM = "remit_reassign"
SNOOZE_FORM = "remit_snooze"
EXTEND_FORM = "remit_extend"
CHANGED = "It was changed since this card was drawn, so nothing was done. Please use the newest card."
GONE = "Remit does not know this action any more."
_KINDS: Mapping[str, Literal["reassign", "snooze", "extend"]] = {
    REASSIGN_FORM: "reassign",
    SNOOZE_FORM: "snooze",
    EXTEND_FORM: "extend",
}


@dataclass(frozen=True)
class Asked:
    """What a form is drawn from: the click, what it chose, who clicked, the action and the policy at this moment."""

    parts: SlackParts
    click: BlockActions
    choice: Choice
    person: Person
    record: ActionRecord
    policy: Policy
    now: datetime

    @property
    def link(self) -> str:
        """The action's page."""
        return review_link(str(self.parts.doors.settings.public_url), self.record.action.id)

    def sealed(self, callback_id: str) -> str:
        """Return what a form carries."""
        return self.parts.clicks.sealed(Carried(**self.choice.model_dump()), self.click.user.id, callback_id)

    def told(self, text: str) -> Ack:
        """Say why there is no form."""
        return answer(self.click, text)


async def menu_opened(parts: SlackParts, click: BlockActions) -> Ack:
    """Open the form for what was picked from the menu."""
    picked = click.button.picked
    person = await parts.person(click.user.id)
    choice = await parts.clicks.choice_of(click, person)
    if isinstance(choice, RefusedClick):
        return answer(click, choice.told)
    if picked == DETAILS:
        return Ack()
    if (opens := _OPENS.get(picked)) is None:
        return answer(click, "Remit does not know this line of the menu. Please use the review page.")
    if person is None:
        return answer(click, STRANGER.format(user=click.user.id))
    try:
        record = await parts.doors.actions.get(choice.action)
    except NotFound:
        return answer(click, GONE)
    now = datetime.now(UTC)
    await parts.doors.assignments.seen(choice.action, person.id, now)
    if (closed := why_closed(record, now)) is not None:
        return answer(click, closed)
    if record.action.digest != choice.revision:
        return answer(click, CHANGED)
    return await opens(Asked(parts, click, choice, person, record, await parts.policies.current(), now))


async def managed(parts: SlackParts, submission: ViewSubmission) -> Ack:
    """Take the form that hands the question on, puts off the reminder or moves the deadline."""
    person = await parts.person(submission.user.id)
    carried = await parts.clicks.carried_by(submission, person)
    if isinstance(carried, RefusedClick):
        return answer(submission, carried.told)
    if person is None:
        return answer(submission, STRANGER.format(user=submission.user.id))
    if (refused := await parts.objection(submission.user.id, carried.action)) is not None:
        await parts.clicks.record(submission, carried, person, refused)
        return answer(submission, refused.told)
    given, kind = submission.view.given(), _KINDS[submission.view.callback_id]
    to = given.text if kind == "reassign" else ""
    until = datetime.fromtimestamp(given.selected_date_time, UTC) if given.selected_date_time else None
    if not to and until is None:
        return answer(submission, "Choose a person." if kind == "reassign" else "Choose a time.")
    named = request_id(submission, [to, until.isoformat() if until else ""])
    request = ManageRequest(id=named, kind=kind, person=person.id, to=to[:80] or None, until=until, door=Door.SLACK)
    try:
        receipt = await manage(parts.doors, carried.action, request)
    except NotFound:
        return answer(submission, GONE)
    return Ack() if receipt.refusal is None else answer(submission, f"{receipt.refusal.message}.")


def request_id(submission: ViewSubmission, content: list[str]) -> str:
    """Name what a form asks for: sent twice as it is, it is one request."""
    named = json.dumps([submission.user.id, submission.view.id, submission.view.callback_id, *content])
    return f"slack-{hashlib.sha256(named.encode()).hexdigest()[:32]}"


async def _edit(asked: Asked) -> Ack:
    fields = edit_form(asked.record, asked.person, asked.policy, asked.now)
    if fields is None:
        approval = asked.record.approval
        refusal = why_not_edit(asked.person.id, asked.policy, approval, asked.now) if approval else None
        return asked.told(f"{refusal.message}." if refusal else "Nothing of this action can be edited.")
    action = asked.record.action
    view = edit_view(action.id, action.digest, fields, asked.link, asked.sealed(EDIT_FORM))
    return await open_form(asked.parts, asked.click, view)


async def _ask(asked: Asked) -> Ack:
    if (why_not := why_no_vote(asked.record, asked.person, asked.policy, asked.now)) is not None:
        return asked.told(why_not)
    return await ask_why(asked.parts, asked.click, asked.choice, ASK_FORM)


async def _reassign(asked: Asked) -> Ack:
    managing = _managing(asked)
    if isinstance(managing, Ack):
        return managing
    if not managing.colleagues:
        return asked.told("There is nobody else to hand it to: everybody who could vote now has, or is away.")
    blocks = [person_input("Who is to decide? Everybody who was asked still may.", managing.colleagues)]
    if len(managing.colleagues) > MAX_OPTIONS:
        blocks.append(section(f"These are the first {MAX_OPTIONS}. <{asked.link}|The review page> has all of them."))
    return await _open(asked, REASSIGN_FORM, "Reassign", blocks)


async def _snooze(asked: Asked) -> Ack:
    managing = _managing(asked)
    if isinstance(managing, Ack):
        return managing
    if managing.snooze is None:
        return asked.told("No reminder is to come that could be put off.")
    return await _open_window(asked, SNOOZE_FORM, "Snooze", "Remind when?", managing.snooze)


async def _extend(asked: Asked) -> Ack:
    managing = _managing(asked)
    if isinstance(managing, Ack):
        return managing
    if managing.extend is None:
        return asked.told("The deadline cannot be moved: the policy does not let it, or it was moved before.")
    return await _open_window(asked, EXTEND_FORM, "Extend", "Decide by when?", managing.extend)


def _managing(asked: Asked) -> Managing | Ack:
    """Return what the person may do besides voting, or why nothing of it."""
    managing = managing_of(asked.record, asked.person, asked.policy, asked.now)
    if managing is not None:
        return managing
    why_not = why_no_vote(asked.record, asked.person, asked.policy, asked.now)
    return asked.told(why_not or "Nothing of this can be done now: nobody else can decide, and no time can be moved.")


async def _open_window(asked: Asked, callback_id: str, title: str, label: str, window: Window) -> Ack:
    blocks = [between(window.after, window.until), moment_input(label, window.suggested)]
    return await _open(asked, callback_id, title, blocks)


async def _open(asked: Asked, callback_id: str, title: str, blocks: list[View]) -> Ack:
    action = asked.record.action
    view = form(callback_id, title, title, asked.sealed(callback_id), [about(action.id, action.digest), *blocks])
    return await open_form(asked.parts, asked.click, view)


_OPENS: Mapping[str, Callable[[Asked], Awaitable[Ack]]] = {
    EDIT: _edit,
    ASK: _ask,
    REASSIGN: _reassign,
    SNOOZE: _snooze,
    EXTEND: _extend,
}

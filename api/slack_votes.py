"""Votes by Slack: the buttons of a card or of somebody's Home, and the forms that ask why, or ask the agent."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import structlog
from pydantic import TypeAdapter, ValidationError

from adapters.notifiers.slack.buttons import APPROVE_WITH_REASON, REJECT
from adapters.notifiers.slack.forms import (
    CHOSEN_BLOCK,
    MAX_REASON,
    View,
    about,
    chosen_reason_input,
    form,
    reason_input,
)
from adapters.notifiers.slack.seal import Choice
from api.slack_answers import Ack, Home, SlackParts, answer
from api.slack_clicks import RefusedClick
from api.slack_forms import open_form
from api.slack_payloads import BlockActions, ViewSubmission
from api.slack_views import Carried
from domain.action import Identifier
from domain.approval import Ballot, Decision, Door
from domain.catalog import Person, RejectionReason
from domain.errors import NotFound, RefusalCode

log = structlog.get_logger(__name__)

REJECT_FORM = "remit_reject_reason"
APPROVE_FORM = "remit_approve_reason"
ASK_FORM = "remit_ask_agent"
_ASKS_WHY = {REJECT: REJECT_FORM, APPROVE_WITH_REASON: APPROVE_FORM}
_DECIDES = {REJECT_FORM: Decision.REJECT, APPROVE_FORM: Decision.APPROVE, ASK_FORM: Decision.RETURN}
_WHY = "Why? The agent and the ledger are told."
_ASKED = "What does the agent have to answer before anybody approves?"
_CHOSEN: TypeAdapter[str | None] = TypeAdapter(Identifier | None)
PATIENCE = timedelta(seconds=2)
"""How long the action may take to answer a vote."""

STRANGER = "You are not in Remit's catalog, so nothing was decided. Ask its admin to add your Slack user id ({user})."


async def vote_clicked(parts: SlackParts, click: BlockActions) -> Ack:
    """Take a click on Approve or Reject: a vote, or the form that asks why."""
    button = click.button
    person = await parts.person(click.user.id)
    choice = await parts.clicks.choice_of(click, person)
    if isinstance(choice, RefusedClick):
        return answer(click, choice.told)
    asks_why = _ASKS_WHY.get(button.action_id)
    if asks_why is not None and person is not None:
        await parts.doors.assignments.seen(choice.action, person.id, datetime.now(UTC))
        return await ask_why(parts, click, choice, asks_why)
    decision = Decision.REJECT if button.action_id == REJECT else Decision.APPROVE
    ballot_id = _ballot_id(click.user.id, button.action_ts, click.ts, choice, decision)
    return await _vote(parts, click, choice, person, ballot_id, decision)


async def page_opened(parts: SlackParts, click: BlockActions) -> Ack:
    """Take a click on the button that only leads to the page: Slack tells of it, and the page does the rest."""
    return Ack()


async def reason_given(parts: SlackParts, submission: ViewSubmission) -> Ack:
    """Take the form that asks why, and cast the vote with its reason."""
    decision = _DECIDES[submission.view.callback_id]
    person = await parts.person(submission.user.id)
    carried = await parts.clicks.carried_by(submission, person)
    if isinstance(carried, RefusedClick):
        return answer(submission, carried.told)
    reason = submission.view.reason.strip()
    if not reason:
        return answer(submission, "Say why: the agent and the ledger are told.")
    if len(reason) > MAX_REASON:
        return answer(submission, f"The reason has {len(reason)} characters; the limit is {MAX_REASON}.")
    # The same form sent again with another reason is another ballot; sent twice as it is, the same.
    try:
        chosen = _CHOSEN.validate_python(submission.view.given(CHOSEN_BLOCK).text or None)
    except ValidationError:
        return answer(submission, "Choose one of the reasons.")
    ballot_id = _ballot_id(submission.user.id, submission.view.id, f"{chosen or ''} {reason}", carried, decision)
    return await _vote(parts, submission, carried, person, ballot_id, decision, reason, chosen)


async def ask_why(parts: SlackParts, click: BlockActions, choice: Choice, asks: str) -> Ack:
    """Open the form that asks for the reason of a vote, or for the questions to the agent."""
    carried = Carried(**choice.model_dump())
    sealed = parts.clicks.sealed(carried, click.user.id, asks)
    try:
        record = await parts.doors.actions.get(choice.action)
    except NotFound:
        return answer(click, "Remit does not know this action any more.")
    reasons = record.approval.plan.rejection_reasons if record.approval is not None and asks == REJECT_FORM else []
    return await open_form(parts, click, reason_form(carried, asks, sealed, reasons))


def reason_form(choice: Choice, asks: str, metadata: str, reasons: Sequence[RejectionReason] = ()) -> View:
    """Return the form that asks why, and for one of these reasons; it carries the exact revision that was shown."""
    if asks == ASK_FORM:
        title, submit, label = "Ask the agent", "Ask", _ASKED
    else:
        title = submit = _DECIDES[asks].value.capitalize()
        label = _WHY
    chosen = [chosen_reason_input(reasons)] if reasons else []
    return form(asks, title, submit, metadata, [about(choice.action, choice.revision), *chosen, reason_input(label)])


async def _vote(
    parts: SlackParts,
    interaction: BlockActions | ViewSubmission,
    choice: Choice,
    person: Person | None,
    ballot_id: str,
    decision: Decision,
    reason: str = "",
    chosen: str | None = None,
) -> Ack:
    """Cast a ballot. One of somebody unknown is cast as well, so that the attempt is recorded as refused."""
    user = interaction.user.id
    if person is not None and (refused := await parts.objection(user, choice.action)) is not None:
        await parts.clicks.record(interaction, choice, person, refused)
        return answer(interaction, refused.told)
    if person is None and not reason:
        reason = "(not asked for: nobody in the catalog has this Slack user)"
    ballot = Ballot(
        id=ballot_id,
        person=person.id if person else f"slack:{user}",
        decision=decision,
        revision=choice.revision,
        reason=reason,
        reason_id=chosen,
        door=Door.SLACK,
    )
    try:
        receipt = await parts.cast(choice.action, ballot, PATIENCE)
    except NotFound:
        return answer(interaction, "Remit does not know this action any more.")
    if person is None:
        return answer(interaction, STRANGER.format(user=user))
    if receipt.refusal is None:
        page = interaction.page if isinstance(interaction, BlockActions) else 0
        return Ack(home=Home(user, page, decided=choice.action if decision is not Decision.RETURN else ""))
    refusal = receipt.refusal
    log.info("slack_vote_refused", action=choice.action, person=person.id, code=refusal.code.value)
    again = "" if refusal.code is RefusalCode.REASON_REQUIRED else "Your vote does not count: "
    return answer(interaction, f"{again}{refusal.message}.")


def _ballot_id(user: str, moment: str, message: str, choice: Choice, decision: Decision) -> str:
    """Name a ballot after the click that cast it, so that the same click delivered twice is one ballot."""
    parts = json.dumps([user, moment, message, choice.action, choice.revision, decision.value])
    return f"slack-{hashlib.sha256(parts.encode()).hexdigest()[:32]}"

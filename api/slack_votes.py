"""Votes by Slack: the buttons of a card, and the forms that ask why."""

import hashlib
import json
from datetime import timedelta
from typing import Any

import structlog

from adapters.notifiers.slack.buttons import APPROVE_WITH_REASON, REJECT
from adapters.notifiers.slack.client import SlackRefused, slack_errors
from adapters.notifiers.slack.seal import Choice
from adapters.notifiers.slack.text import plain, section
from api.slack_answers import Ack, SlackParts, answer
from api.slack_clicks import RefusedClick
from api.slack_payloads import (
    REASON_BLOCK,
    REASON_INPUT,
    BlockActions,
    Carried,
    ViewSubmission,
    carried_by,
)
from domain.approval import Ballot, Decision, Door
from domain.catalog import Person
from domain.errors import NotFound, RefusalCode

log = structlog.get_logger(__name__)

REJECT_FORM = "remit_reject_reason"
APPROVE_FORM = "remit_approve_reason"
_ASKS_WHY = {REJECT: REJECT_FORM, APPROVE_WITH_REASON: APPROVE_FORM}
_DECIDES = {REJECT_FORM: Decision.REJECT, APPROVE_FORM: Decision.APPROVE}
MAX_REASON = 2000
PATIENCE = timedelta(seconds=2)
"""How long the action may take to answer a vote."""

_STRANGER = "You are not in Remit's catalog, so nothing was decided. Ask its admin to add your Slack user id ({user})."


async def vote_clicked(parts: SlackParts, click: BlockActions) -> Ack:
    """Take a click on Approve or Reject: a vote, or the form that asks why."""
    button = click.button
    person = await parts.person(click.user.id)
    choice = await parts.clicks.choice_of(click, person)
    if isinstance(choice, RefusedClick):
        return answer(click, choice.told)
    form = _ASKS_WHY.get(button.action_id)
    if form is not None and person is not None:
        return await _ask_why(parts, click, choice, form)
    decision = Decision.REJECT if button.action_id == REJECT else Decision.APPROVE
    ballot_id = _ballot_id(click.user.id, button.action_ts, click.message.ts, choice, decision)
    return await _vote(parts, click, choice, person, ballot_id, decision)


async def page_opened(parts: SlackParts, click: BlockActions) -> Ack:
    """Take a click on the button that only leads to the page: Slack tells of it, and the page does the rest."""
    return Ack()


async def reason_given(parts: SlackParts, submission: ViewSubmission) -> Ack:
    """Take the form that asks why, and cast the vote with its reason."""
    decision = _DECIDES[submission.view.callback_id]
    carried = carried_by(submission.view)
    reason = submission.view.reason.strip()
    if not reason:
        return answer(submission, "Say why: the agent and the ledger are told.")
    if len(reason) > MAX_REASON:
        return answer(submission, f"The reason has {len(reason)} characters; the limit is {MAX_REASON}.")
    person = await parts.person(submission.user.id)
    # The same form sent again with another reason is another ballot; sent twice as it is, the same.
    ballot_id = _ballot_id(submission.user.id, submission.view.id, reason, carried, decision)
    return await _vote(parts, submission, carried, person, ballot_id, decision, reason)


async def _vote(
    parts: SlackParts,
    interaction: BlockActions | ViewSubmission,
    choice: Choice,
    person: Person | None,
    ballot_id: str,
    decision: Decision,
    reason: str = "",
) -> Ack:
    """Cast a ballot. One of somebody unknown is cast as well, so that the attempt is recorded as refused."""
    user = interaction.user.id
    if person is None and not reason:
        reason = "(not asked for: nobody in the catalog has this Slack user)"
    ballot = Ballot(
        id=ballot_id,
        person=person.id if person else f"slack:{user}",
        decision=decision,
        revision=choice.revision,
        reason=reason,
        door=Door.SLACK,
    )
    try:
        receipt = await parts.cast(choice.action, ballot, PATIENCE)
    except NotFound:
        return answer(interaction, "Remit does not know this action any more.")
    if person is None:
        return answer(interaction, _STRANGER.format(user=user))
    if receipt.refusal is None:
        return Ack()
    refusal = receipt.refusal
    log.info("slack_vote_refused", action=choice.action, person=person.id, code=refusal.code.value)
    again = "" if refusal.code is RefusalCode.REASON_REQUIRED else "Your vote does not count: "
    return answer(interaction, f"{again}{refusal.message}.")


async def _ask_why(parts: SlackParts, click: BlockActions, choice: Choice, form: str) -> Ack:
    """Open the form that asks for the reason of a vote."""
    if parts.client is None:
        return answer(click, "Remit cannot open its form in Slack here. Please use the review page.")
    carried = Carried(**choice.model_dump(), ts=click.message.ts)
    try:
        with slack_errors():
            await parts.client.views_open(trigger_id=click.trigger_id, view=reason_form(carried, form))
    except SlackRefused as refusal:
        log.warning("slack_form_refused", action=choice.action, code=refusal.code, to_do=refusal.remedy)
        return answer(click, "Slack did not open the form that asks for your reason. Please click again.")
    return Ack()


def reason_form(carried: Carried, form: str) -> dict[str, Any]:
    """Return the form that asks why; it carries the exact revision that was on the card."""
    title = _DECIDES[form].value.capitalize()
    about = f"Action `{carried.action}`, revision `{carried.revision.removeprefix('sha256:')[:12]}`"
    return {
        "type": "modal",
        "callback_id": form,
        "private_metadata": json.dumps(carried.model_dump(), separators=(",", ":")),
        "title": plain(title),
        "submit": plain(title),
        "close": plain("Cancel"),
        "blocks": [
            section(about),
            {
                "type": "input",
                "block_id": REASON_BLOCK,
                "label": plain("Why? The agent and the ledger are told."),
                "element": {
                    "type": "plain_text_input",
                    "action_id": REASON_INPUT,
                    "multiline": True,
                    "min_length": 1,
                    "max_length": MAX_REASON,
                },
            },
        ],
    }


def _ballot_id(user: str, moment: str, message: str, choice: Choice, decision: Decision) -> str:
    """Name a ballot after the click that cast it, so that the same click delivered twice is one ballot."""
    parts = json.dumps([user, moment, message, choice.action, choice.revision, decision.value])
    return f"slack-{hashlib.sha256(parts.encode()).hexdigest()[:32]}"

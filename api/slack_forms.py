"""Opening a form in Slack within the three seconds that a click leaves, and telling what is wrong with one."""

from typing import Any

import structlog

from adapters.notifiers.slack.client import SlackRefused, slack_errors
from api.slack_answers import Ack, SlackParts, answer
from api.slack_payloads import BlockActions, ViewSubmission

log = structlog.get_logger(__name__)

_OPENED_BEFORE = "exchanged_trigger_id"
_TOO_LATE = "expired_trigger_id"


async def open_form(parts: SlackParts, click: BlockActions, view: dict[str, Any]) -> Ack:
    """Open a form for whoever clicked, or tell them why not. A click that is delivered again opens nothing twice."""
    if parts.client is None:
        return answer(click, "Remit cannot open its form in Slack here. Please use the review page.")
    try:
        with slack_errors():
            await parts.client.views_open(trigger_id=click.trigger_id, view=view)
    except SlackRefused as refusal:
        if refusal.code == _OPENED_BEFORE:
            return Ack()
        log.warning("slack_form_refused", form=view["callback_id"], code=refusal.code, to_do=refusal.remedy)
        because = ", because too much time passed since the click" if refusal.code == _TOO_LATE else ""
        return answer(click, f"Slack did not open the form{because}. Please click again.")
    return Ack()


def wrong_in(submission: ViewSubmission, block: str, text: str) -> Ack:
    """Tell what is wrong in one block of a form, which stays open."""
    if block not in submission.view.state.values:
        return answer(submission, text)
    return Ack(body={"response_action": "errors", "errors": {block: text}})

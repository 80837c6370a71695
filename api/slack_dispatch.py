"""What a click in Slack does: an interaction, a command or an event in, an acknowledgement out.

Nothing here knows how it came in: the HTTP route and Socket Mode use the same `SlackDoor.dispatch`. Slack wants its
answer within 3 s and shows an error otherwise, so everything before it is bounded; what may take longer, a note to
the person who clicked, comes after. A new button, form, command or event is one line of the tables below.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from adapters.notifiers.slack.buttons import APPROVE, APPROVE_ON_PAGE, APPROVE_WITH_REASON, MORE, REJECT
from adapters.notifiers.slack.client import SlackRefused, slack_errors
from adapters.notifiers.slack.edit_form import EDIT_FORM
from adapters.notifiers.slack.home import OPEN_PAGE, TURN_PAGE
from adapters.notifiers.slack.text import section
from api.slack_answers import Ack, Home, Note, SlackParts, answer, user_of
from api.slack_commands import remit_typed
from api.slack_edits import edit_sent
from api.slack_home import home_opened, home_view_of, page_turned
from api.slack_menu import EXTEND_FORM, REASSIGN_FORM, SNOOZE_FORM, managed, menu_opened
from api.slack_payloads import (
    AppHomeOpened,
    BlockActions,
    Inbound,
    OtherEvent,
    SlashCommand,
    UrlVerification,
    ViewClosed,
    ViewSubmission,
)
from api.slack_publishing import Publishing
from api.slack_votes import APPROVE_FORM, ASK_FORM, REJECT_FORM, page_opened, reason_given, vote_clicked
from domain.errors import InvalidRequest, NotifierUnavailable, Unavailable

log = structlog.get_logger(__name__)

ACK_SECONDS = 2.5
"""How long everything before the acknowledgement may take."""

_LOST = "Remit could not record it in time. Look at the card: if it does not stand there, please click again."
_LATE = "Remit could not answer in time. Please try again in a moment."

T = TypeVar("T")
Handler = Callable[[SlackParts, T], Awaitable[Ack]]

BUTTONS: Mapping[str, Handler[BlockActions]] = {
    APPROVE: vote_clicked,
    APPROVE_WITH_REASON: vote_clicked,
    APPROVE_ON_PAGE: page_opened,
    REJECT: vote_clicked,
    MORE: menu_opened,
    OPEN_PAGE: page_opened,
    **dict.fromkeys(TURN_PAGE, page_turned),
}
"""By action_id."""
FORMS: Mapping[str, Handler[ViewSubmission]] = {
    REJECT_FORM: reason_given,
    APPROVE_FORM: reason_given,
    ASK_FORM: reason_given,
    EDIT_FORM: edit_sent,
    REASSIGN_FORM: managed,
    SNOOZE_FORM: managed,
    EXTEND_FORM: managed,
}
"""By callback_id."""
COMMANDS: Mapping[str, Handler[SlashCommand]] = {
    "/remit": remit_typed,
}
EVENTS: Mapping[str, Handler[AppHomeOpened]] = {
    "app_home_opened": home_opened,
}
"""By the event's type. One without a handler is acknowledged, so that Slack does not send it again."""


@dataclass(frozen=True)
class SlackDoor(SlackParts):
    """Turns clicks into ballots, and commands into answers."""

    publishing: Publishing = field(default_factory=Publishing)

    async def dispatch(self, inbound: Inbound) -> Ack:
        """Answer within `ACK_SECONDS`. Raises InvalidRequest for a form or button that Remit never offered."""
        try:
            async with asyncio.timeout(ACK_SECONDS):
                return await self._handled(inbound)
        except (TimeoutError, Unavailable) as problem:
            log.warning("slack_vote_lost", user=user_of(inbound), problem=str(problem) or type(problem).__name__)
            return answer(inbound, _LATE if isinstance(inbound, SlashCommand) else _LOST)

    async def deliver(self, note: Note) -> None:
        """Send a note. It is a courtesy: what happened is in the ledger, so a failure is only logged."""
        if self.client is None:
            log.warning("slack_note_lost", channel=note.channel, to_do="set REMIT_SLACK_BOT_TOKEN")
            return
        try:
            with slack_errors():
                await self.client.chat_postEphemeral(
                    channel=note.channel, user=note.user, text=note.text, blocks=[section(note.text)]
                )
        except SlackRefused as refusal:
            log.error("slack_note_refused", channel=note.channel, code=refusal.code, to_do=refusal.remedy)
        except NotifierUnavailable as problem:
            log.warning("slack_note_lost", channel=note.channel, problem=str(problem))

    async def publish(self, home: Home) -> None:
        """Draw somebody's Home anew, or leave it to a newer wish. What it shows stands elsewhere, too."""
        if self.client is not None:
            await self.publishing.newest(home, self._draw)

    async def _draw(self, home: Home) -> None:
        if self.client is None:
            return
        try:
            view = await home_view_of(self, home)
            with slack_errors():
                await self.client.views_publish(user_id=home.user, view=view)
        except SlackRefused as refusal:
            log.error("slack_home_refused", user=home.user, code=refusal.code, to_do=refusal.remedy)
        except Unavailable as problem:
            log.warning("slack_home_delayed", user=home.user, problem=str(problem))

    async def _handled(self, inbound: Inbound) -> Ack:
        match inbound:
            case BlockActions():
                if (pressed := BUTTONS.get(inbound.button.action_id)) is None:
                    return answer(inbound, "Remit does not know this button.")
                return await pressed(self, inbound)
            case ViewSubmission():
                if (sent := FORMS.get(inbound.view.callback_id)) is None:
                    raise InvalidRequest("this is not one of Remit's forms")
                return await sent(self, inbound)
            case SlashCommand():
                if (typed := COMMANDS.get(inbound.command)) is None:
                    return answer(inbound, f"Remit does not know the command {inbound.command}.")
                return await typed(self, inbound)
            case AppHomeOpened():
                opened = EVENTS.get("app_home_opened")
                return Ack() if opened is None else await opened(self, inbound)
            case UrlVerification():
                return Ack(body={"challenge": inbound.challenge})
            case ViewClosed() | OtherEvent():
                return Ack()

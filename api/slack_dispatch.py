"""What a click in Slack does: an interaction in, an acknowledgement out.

Nothing here knows how the interaction came in, so that a connection by Socket Mode could use it as the HTTP
route does. Slack wants its answer within 3 s and shows an error otherwise, so everything before it is bounded;
what may take longer, a note to the person who clicked, comes after.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from adapters.notifiers.slack.cards import APPROVE, APPROVE_WITH_REASON, REJECT, Choice, buttons_id
from adapters.notifiers.slack.client import SlackRefused, slack_errors
from adapters.notifiers.slack.text import plain, prose, section
from api.slack_payloads import (
    REASON_BLOCK,
    REASON_INPUT,
    BlockActions,
    Carried,
    ViewClosed,
    ViewSubmission,
    carried_by,
    choice_of,
)
from domain.approval import Ballot, Decision, Door, Receipt
from domain.catalog import Person
from domain.errors import InvalidRequest, NotFound, NotifierUnavailable, RefusalCode, Unavailable
from domain.policy import Policy

log = structlog.get_logger(__name__)

REJECT_FORM = "remit_reject_reason"
APPROVE_FORM = "remit_approve_reason"
_ASKS_WHY = {REJECT: REJECT_FORM, APPROVE_WITH_REASON: APPROVE_FORM}
_DECIDES = {REJECT_FORM: Decision.REJECT, APPROVE_FORM: Decision.APPROVE}
MAX_REASON = 2000
PATIENCE = timedelta(seconds=2)
"""How long the action may take to answer a vote."""
ACK_SECONDS = 2.5
"""How long everything before the acknowledgement may take."""

_LOST = "Remit could not record your vote in time. Look at the card: if your vote is not on it, please click again."
_STRANGER = "You are not in Remit's catalog, so nothing was decided. Ask its admin to add your Slack user id ({user})."

Cast = Callable[[str, Ballot, timedelta], Awaitable[Receipt]]


class PolicySource(Protocol):
    """The policy that is active now: it says who a Slack user is."""

    async def current(self) -> Policy:
        """Return it, or raise PolicyUnavailable."""


@dataclass(frozen=True)
class Note:
    """A message that only the person who clicked sees."""

    channel: str
    user: str
    text: str


@dataclass(frozen=True)
class Ack:
    """The answer to Slack: an empty one, or what a form is to show; and a note to send after it."""

    body: dict[str, Any] | None = None
    note: Note | None = None


@dataclass(frozen=True)
class SlackDoor:
    """Turns clicks into ballots. Without a client it takes votes, but can neither open forms nor answer in words."""

    policies: PolicySource
    cast: Cast
    client: AsyncWebClient | None

    async def dispatch(self, interaction: BlockActions | ViewSubmission | ViewClosed) -> Ack:
        """Answer one interaction within `ACK_SECONDS`. Raises InvalidRequest for one that Remit never offered."""
        try:
            async with asyncio.timeout(ACK_SECONDS):
                match interaction:
                    case BlockActions():
                        return await self._click(interaction)
                    case ViewSubmission():
                        return await self._submission(interaction)
                    case ViewClosed():
                        return Ack()
        except (TimeoutError, Unavailable) as problem:
            log.warning("slack_vote_lost", user=interaction.user.id, problem=str(problem) or type(problem).__name__)
            return _answer(interaction, _LOST)

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

    async def _click(self, click: BlockActions) -> Ack:
        button = click.button
        if button.action_id not in (APPROVE, APPROVE_WITH_REASON, REJECT):
            return _answer(click, "Remit does not know this button.")
        choice = choice_of(button)
        if button.block_id != buttons_id(choice.action):
            raise InvalidRequest("the button stands in a block of another action")
        person = await self._person(click.user.id)
        form = _ASKS_WHY.get(button.action_id)
        if form is not None and person is not None:
            return await self._ask_why(click, choice, form)
        decision = Decision.REJECT if button.action_id == REJECT else Decision.APPROVE
        ballot_id = _ballot_id(click.user.id, button.action_ts, click.message.ts, choice, decision)
        return await self._vote(click, choice, person, ballot_id, decision)

    async def _submission(self, submission: ViewSubmission) -> Ack:
        decision = _DECIDES.get(submission.view.callback_id)
        if decision is None:
            raise InvalidRequest("this is not one of Remit's forms")
        carried = carried_by(submission.view)
        reason = submission.view.reason.strip()
        if not reason:
            return _answer(submission, "Say why: the agent and the ledger are told.")
        if len(reason) > MAX_REASON:
            return _answer(submission, f"The reason has {len(reason)} characters; the limit is {MAX_REASON}.")
        person = await self._person(submission.user.id)
        # The same form sent again with another reason is another ballot; sent twice as it is, the same.
        ballot_id = _ballot_id(submission.user.id, submission.view.id, reason, carried, decision)
        return await self._vote(submission, carried, person, ballot_id, decision, reason)

    async def _vote(
        self,
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
            receipt = await self.cast(choice.action, ballot, PATIENCE)
        except NotFound:
            return _answer(interaction, "Remit does not know this action any more.")
        if person is None:
            return _answer(interaction, _STRANGER.format(user=user))
        if receipt.refusal is None:
            return Ack()
        refusal = receipt.refusal
        log.info("slack_vote_refused", action=choice.action, person=person.id, code=refusal.code.value)
        again = "" if refusal.code is RefusalCode.REASON_REQUIRED else "Your vote does not count: "
        return _answer(interaction, f"{again}{refusal.message}.")

    async def _ask_why(self, click: BlockActions, choice: Choice, form: str) -> Ack:
        """Open the form that asks for the reason of a vote."""
        if self.client is None:
            return _answer(click, "Remit cannot open its form in Slack here. Please use the review page.")
        carried = Carried(**choice.model_dump(), channel=click.channel.id, ts=click.message.ts)
        try:
            with slack_errors():
                await self.client.views_open(trigger_id=click.trigger_id, view=reason_form(carried, form))
        except SlackRefused as refusal:
            log.warning("slack_form_refused", action=choice.action, code=refusal.code, to_do=refusal.remedy)
            return _answer(click, "Slack did not open the form that asks for your reason. Please click again.")
        return Ack()

    async def _person(self, user: str) -> Person | None:
        """Return the one person with this Slack user; nobody when there is none, or more than one."""
        policy = await self.policies.current()
        found = [person for person in policy.people.values() if person.slack_user == user]
        return found[0] if len(found) == 1 else None


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


def _answer(interaction: BlockActions | ViewSubmission | ViewClosed, text: str) -> Ack:
    """Tell the person who clicked: in the form they sent, else in a note beside the card."""
    match interaction:
        case BlockActions():
            return Ack(note=Note(interaction.channel.id, interaction.user.id, prose(text)))
        case ViewSubmission():
            return Ack(body={"response_action": "errors", "errors": {REASON_BLOCK: text}})
        case ViewClosed():
            return Ack()


def _ballot_id(user: str, moment: str, message: str, choice: Choice, decision: Decision) -> str:
    """Name a ballot after the click that cast it, so that the same click delivered twice is one ballot."""
    parts = json.dumps([user, moment, message, choice.action, choice.revision, decision.value])
    return f"slack-{hashlib.sha256(parts.encode()).hexdigest()[:32]}"

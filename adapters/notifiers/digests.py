"""Digests in Slack: one message to one person that lists what waits for them, with buttons for each request of it.

A request stands in it with all of its arguments, or without buttons: nobody approves from a digest what they could not
read there. For each action there is a notice, `D01ANN/digest`, that says which message holds it (`reference`) and in
which digest (`shown`), so that the message is drawn anew when the action goes on.
"""

from collections.abc import Sequence
from typing import Protocol

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from adapters.database.notices import Notice
from adapters.notifiers.slack.arguments import argument_blocks
from adapters.notifiers.slack.buttons import Place, buttons, is_open
from adapters.notifiers.slack.cards import Card, review_link
from adapters.notifiers.slack.client import SlackRefused, slack_errors
from adapters.notifiers.slack.messages import NAME, NoticeStore
from adapters.notifiers.slack.seal import Seal
from adapters.notifiers.slack.standing import headline
from adapters.notifiers.slack.text import Block, deadline, fitted, section
from domain.catalog import Person
from domain.policy import Policy
from domain.record import ActionRecord

log = structlog.get_logger(__name__)

# Slack takes 50 blocks in a message, and bounds all of its text. A request with buttons is up to five blocks here.
_WITH_BUTTONS = 6
_BLOCKS_OF_ARGUMENTS = 3
_BYTES_OF_ARGUMENTS = 800
_LISTED = 24
_TARGET = "/digest"


class DigestStore(Protocol):
    """What is needed of the store of assignments."""

    async def in_digest(self, digest: str) -> list[str]:
        """Return the actions of a digest."""


class RecordSource(Protocol):
    """What is needed of the store of actions."""

    async def get(self, action_id: str) -> ActionRecord:
        """Return the record of an action."""


class SlackDigests:
    """Sends digests, and brings them up to date."""

    def __init__(
        self,
        client: AsyncWebClient,
        notices: NoticeStore,
        digests: DigestStore,
        actions: RecordSource,
        public_url: str,
        seal: Seal,
    ) -> None:
        self._client = client
        self._notices = notices
        self._digests = digests
        self._actions = actions
        self._public_url = public_url
        self._seal = seal

    async def send(self, person: Person, records: Sequence[ActionRecord], policy: Policy, digest: str) -> bool:
        """Send one message about these actions. False for somebody without Slack. Raises NotifierUnavailable."""
        if person.slack_user is None:
            return False
        try:
            channel = await self._channel(person.slack_user)
            if channel is None or await self._was_sent(records, channel, digest):
                return channel is not None
            await self._note(records, channel, "", digest)
            drawn = self.draw(records, policy, channel)
            with slack_errors():
                posted = await self._client.chat_postMessage(
                    channel=channel, text=drawn.text, blocks=drawn.blocks, unfurl_links=False, unfurl_media=False
                )
        except SlackRefused as refusal:
            log.error("slack_digest_refused", person=person.id, code=refusal.code, to_do=refusal.remedy)
            return False
        await self._note(records, channel, str(posted["ts"]), digest)
        return True

    async def show(self, record: ActionRecord, policy: Policy, _occasions: Sequence[str]) -> None:
        """Draw the digests anew that hold an action. Raises NotifierUnavailable."""
        for notice in await self._notices.of_action(record.action.id, NAME):
            if notice.target.endswith(_TARGET) and notice.reference:
                await self._redraw(notice, policy)

    def draw(self, records: Sequence[ActionRecord], policy: Policy, channel: str) -> Card:
        """Draw a digest as its actions stand."""
        waiting = sum(is_open(record) for record in records)
        text = f"{waiting} of {len(records)} requests wait for your decision; each is decided on its own"
        blocks = [section(f"*{text}.*")]
        for number, record in enumerate(records[:_LISTED]):
            blocks += self._request(record, policy, Place(channel, self._seal), with_buttons=number < _WITH_BUTTONS)
        if len(records) > _LISTED:
            inbox = f"{self._public_url.rstrip('/')}/review"
            blocks.append(section(f"<{inbox}|{len(records) - _LISTED} more are in your inbox>."))
        return Card(text=text, blocks=blocks)

    def _request(self, record: ActionRecord, policy: Policy, place: Place, *, with_buttons: bool) -> list[Block]:
        link = review_link(self._public_url, record.action.id)
        kind = policy.action_types.get(record.action.action_type)
        title = fitted(kind.title if kind else record.action.action_type, 100, "a title", link)
        about = f"by `{record.action.agent}` for `{record.action.use_case}`"
        if not is_open(record):
            return [section(f"*{title}* {about}: {headline(record, policy)} · <{link}|Open>")]
        until = f" · until {deadline(record.approval.plan.expires_at)}" if record.approval else ""
        said = f"*{title}* {about}{until} · <{link}|Open>"
        arguments = argument_blocks(record.action.arguments_bytes, link)
        fits = arguments.complete and len(arguments.blocks) <= _BLOCKS_OF_ARGUMENTS
        if not with_buttons or not fits or len(record.action.arguments_bytes) > _BYTES_OF_ARGUMENTS:
            return [section(f"{said} it to read and decide, it is too much for this list")]
        return [section(said), *arguments.blocks, *buttons(record, policy, place, arguments.complete, link)]

    async def _redraw(self, notice: Notice, policy: Policy) -> None:
        channel = notice.target.removesuffix(_TARGET)
        records = [await self._actions.get(action) for action in await self._digests.in_digest(notice.shown)]
        if not records:
            return
        drawn = self.draw(records, policy, channel)
        try:
            with slack_errors():
                await self._client.chat_update(
                    channel=channel, ts=notice.reference, text=drawn.text, blocks=drawn.blocks
                )
        except SlackRefused as refusal:
            log.warning("slack_digest_not_updated", channel=channel, code=refusal.code, to_do=refusal.remedy)

    async def _channel(self, user: str) -> str | None:
        with slack_errors():
            opened = await self._client.conversations_open(users=user)
        found = (opened.get("channel") or {}).get("id")
        return str(found) if found else None

    async def _was_sent(self, records: Sequence[ActionRecord], channel: str, digest: str) -> bool:
        noted = [
            notice
            for record in records
            for notice in await self._notices.of_action(record.action.id, NAME)
            if (notice.target, notice.shown) == (f"{channel}{_TARGET}", digest)
        ]
        return any(notice.reference for notice in noted)

    async def _note(self, records: Sequence[ActionRecord], channel: str, ts: str, digest: str) -> None:
        for record in records:
            notice = Notice(target=f"{channel}{_TARGET}", reference=ts, shown=digest)
            await self._notices.put(record.action.id, NAME, notice)

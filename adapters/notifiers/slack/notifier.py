"""Shows actions in the Slack channels of the groups that are asked.

For each place there is one notice in the database: a card per channel (`C0FIN`) and a thread reply per channel
and occasion (`C0FIN/reminded`). A notice without a reference is an intent, written before the call: whoever
finds one looks for the message in Slack first, so that a lost response does not make two.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from adapters.database.notices import Notice
from adapters.notifiers.slack.cards import Card, card, card_id, is_open, review_link
from adapters.notifiers.slack.client import SlackRefused, slack_errors
from adapters.notifiers.slack.standing import decision_reply, escalation_reply, reminder_reply
from adapters.notifiers.slack.text import Block, section
from domain.errors import NotifierUnavailable
from domain.policy import Policy
from domain.record import ActionRecord

log = structlog.get_logger(__name__)

NAME = "slack"
_PAGE = 200
_MAX_PAGES = 5
# A message that cannot be changed any more is as good as gone: the card is posted anew.
_GONE = ("message_not_found", "cant_update_message", "edit_window_closed")


class NoticeStore(Protocol):
    """What the notifier needs of the store of notices."""

    async def of_action(self, action_id: str, notifier: str) -> list[Notice]:
        """Return where a notifier shows an action."""

    async def put(self, action_id: str, notifier: str, notice: Notice) -> None:
        """Note where an action is shown and what is shown there."""


class SlackNotifier:
    """Posts one card per channel, keeps it up to date and replies in its thread."""

    def __init__(self, client: AsyncWebClient, notices: NoticeStore, public_url: str) -> None:
        self._client = client
        self._notices = notices
        self._public_url = public_url

    async def show(self, record: ActionRecord, policy: Policy, occasions: Sequence[str]) -> None:
        """Show the record in every channel where its groups are asked or it was shown before.

        Shown twice, it is one card. Raises NotifierUnavailable, after all channels had their turn, when one of
        them is to be tried again; what only a person can mend is logged with how.
        """
        if record.approval is None:
            return
        notices = {notice.target: notice for notice in await self._notices.of_action(record.action.id, NAME)}
        asked = [policy.groups[name].slack_channel for name in record.approval.groups if name in policy.groups]
        shown = [target for target in notices if "/" not in target]
        unavailable = None
        for channel in dict.fromkeys([*filter(None, asked), *shown]):
            try:
                await self._show_in(channel, record, policy, occasions, notices)
            except SlackRefused as refusal:
                log.error(
                    "slack_refused", action=record.action.id, channel=channel, code=refusal.code, to_do=refusal.remedy
                )
            except NotifierUnavailable as problem:
                unavailable = problem
        if unavailable is not None:
            raise unavailable

    async def _show_in(
        self,
        channel: str,
        record: ActionRecord,
        policy: Policy,
        occasions: Sequence[str],
        notices: dict[str, Notice],
    ) -> None:
        drawn = card(record, policy, self._public_url)
        ts = await self._card_in(channel, record, drawn, notices.get(channel))
        for occasion, text in self._replies(channel, record, policy, occasions):
            await self._reply_once(channel, ts, occasion, text, record, notices.get(f"{channel}/{occasion}"))

    async def _card_in(self, channel: str, record: ActionRecord, drawn: Card, notice: Notice | None) -> str:
        """Bring the channel's card up to date, or post it; return its time stamp."""
        ts = notice.reference if notice else ""
        if notice is not None and not ts:
            ts = await self._find_card(channel, record) or ""
        if notice is not None and ts and notice.shown == drawn.shown:
            return ts
        try:
            if ts:
                with slack_errors():
                    await self._client.chat_update(channel=channel, ts=ts, text=drawn.text, blocks=drawn.blocks)
        except SlackRefused as refusal:
            if refusal.code not in _GONE:
                raise
            log.warning("slack_card_gone", action=record.action.id, channel=channel, code=refusal.code)
            ts = ""
        if not ts:
            await self._note(record, channel, "", "")
            ts = await self._post(channel, drawn.text, drawn.blocks, None)
        await self._note(record, channel, ts, drawn.shown)
        return ts

    async def _reply_once(
        self, channel: str, ts: str, occasion: str, text: str, record: ActionRecord, notice: Notice | None
    ) -> None:
        """Reply in the card's thread unless that was done before."""
        if notice is not None and notice.reference:
            return
        target, block_id = f"{channel}/{occasion}", f"{card_id(record.action.id)}:{occasion}"
        found = await self._find_reply(channel, ts, block_id) if notice is not None else None
        if found is None:
            await self._note(record, target, "", "")
            found = await self._post(channel, text, [{**section(text), "block_id": block_id}], ts)
        await self._note(record, target, found, occasion)

    def _replies(
        self, channel: str, record: ActionRecord, policy: Policy, occasions: Sequence[str]
    ) -> list[tuple[str, str]]:
        """Return what is to be said in the thread of this channel's card, and on which occasion."""
        approval = record.approval
        if approval is None:
            return []
        if not is_open(record):
            link = review_link(self._public_url, record.action.id)
            return [("decided", decision_reply(record, policy, link))] if approval.outcome else []
        first = policy.groups.get(approval.groups[0])
        if first is None or first.slack_channel != channel:
            return []
        replies = []
        if "reminded" in occasions:
            replies.append(("reminded", reminder_reply(approval, first, policy, record.updated_at)))
        if "escalated" in occasions and len(approval.groups) > 1:
            replies.append(("escalated", escalation_reply(approval)))
        return replies

    async def _post(self, channel: str, text: str, blocks: list[Block], thread: str | None) -> str:
        with slack_errors():
            posted = await self._client.chat_postMessage(
                channel=channel, text=text, blocks=blocks, thread_ts=thread, unfurl_links=False, unfurl_media=False
            )
        return str(posted["ts"])

    async def _find_card(self, channel: str, record: ActionRecord) -> str | None:
        """Return the card that an earlier attempt posted without getting to know it."""
        oldest = f"{record.action.created_at.timestamp() - 60:.6f}"
        wanted = card_id(record.action.id)

        async def page(cursor: str | None) -> Any:
            return await self._client.conversations_history(channel=channel, oldest=oldest, limit=_PAGE, cursor=cursor)

        return await self._find(page, wanted, channel)

    async def _find_reply(self, channel: str, ts: str, wanted: str) -> str | None:
        async def page(cursor: str | None) -> Any:
            return await self._client.conversations_replies(channel=channel, ts=ts, limit=_PAGE, cursor=cursor)

        return await self._find(page, wanted, channel)

    async def _find(self, page: Callable[[str | None], Awaitable[Any]], wanted: str, channel: str) -> str | None:
        """Look through recent messages for a block; without the right to read them, nothing is found."""
        cursor = None
        for _ in range(_MAX_PAGES):
            try:
                with slack_errors():
                    answer = await page(cursor)
            except SlackRefused as refusal:
                log.warning("slack_history_unread", channel=channel, code=refusal.code, to_do=refusal.remedy)
                return None
            for message in answer["messages"] or []:
                if any(block.get("block_id") == wanted for block in message.get("blocks") or []):
                    return str(message["ts"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return None
        return None

    async def _note(self, record: ActionRecord, target: str, reference: str, shown: str) -> None:
        await self._notices.put(record.action.id, NAME, Notice(target=target, reference=reference, shown=shown))

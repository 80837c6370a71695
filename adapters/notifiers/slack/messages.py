"""The messages about one action, each posted once whatever is lost on the way.

For each place there is one notice in the database: a card per channel (`C0FIN`), a reply per channel and happening
(`C0FIN/vote-1-1`), and a person's own channel (`@U01ANN`, whose reference is the channel). A notice without a
reference is an intent, written before the call: whoever finds one looks for the message in Slack first, so that a
lost response does not make two. Only the card that is noted can be clicked, so a second one, should there ever be one,
does nothing.
"""

from typing import Any, Protocol

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from adapters.database.notices import Notice
from adapters.notifiers.slack.cards import Card, card_id
from adapters.notifiers.slack.client import SlackRefused, slack_errors
from adapters.notifiers.slack.pace import Pace
from adapters.notifiers.slack.text import Block, section
from domain.action import Action
from domain.errors import NotifierUnavailable

log = structlog.get_logger(__name__)

NAME = "slack"
_PAGE = 200
_MAX_PAGES = 5
# A message that cannot be changed any more is as good as gone: the card is posted anew.
_GONE = ("message_not_found", "cant_update_message", "edit_window_closed")
THREAD_GONE = ("thread_not_found", "message_not_found", "cannot_reply_to_message")


def with_buttons(channel: str) -> tuple[str, str]:
    """Return the targets of a channel whose messages have an action's buttons: its card, and a digest that holds it."""
    return channel, f"{channel}/digest"


class NoticeStore(Protocol):
    """What the notifier needs of the store of notices."""

    async def of_action(self, action_id: str, notifier: str) -> list[Notice]:
        """Return where a notifier shows an action."""

    async def put(self, action_id: str, notifier: str, notice: Notice) -> None:
        """Note where an action is shown and what is shown there."""


class Messages:
    """Posts and updates the messages about one action."""

    def __init__(
        self,
        client: AsyncWebClient,
        store: NoticeStore,
        pace: Pace,
        own: dict[str, str],
        action: Action,
        known: dict[str, Notice],
    ) -> None:
        """`own` are the channels of people for themselves that are known already; they stay the same for good."""
        self._client = client
        self._store = store
        self._pace = pace
        self._own = own
        self._action = action
        self._known = known

    @property
    def cards(self) -> list[str]:
        """The channels that have a card, or may have one."""
        return [target for target in self._known if "/" not in target and not target.startswith("@")]

    @property
    def own_channels(self) -> dict[str, str]:
        """The channels of people for themselves, by Slack user, as far as they are known."""
        return {
            target.removeprefix("@"): notice.reference
            for target, notice in self._known.items()
            if target.startswith("@") and "/" not in target
        }

    async def own_channel(self, user: str) -> str:
        """Return the channel in which the app and one person write to each other."""
        target = f"@{user}"
        if (known := self._known.get(target)) is not None:
            return known.reference
        channel = self._own.get(user) or await self._opened(user)
        self._own[user] = channel
        await self._note(target, channel, "")
        return channel

    async def card(self, channel: str, drawn: Card, *, anew: bool = False) -> str:
        """Bring the channel's card up to date, or post it; return its time stamp. `anew` says that it is gone."""
        notice = self._known.get(channel)
        ts = notice.reference if notice and not anew else ""
        if notice is not None and not ts and not anew:
            ts = await self._find(channel, card_id(self._action.id)) or ""
        if notice is not None and ts and notice.shown == drawn.shown:
            return ts
        if ts and not await self._update(channel, ts, drawn):
            ts = ""
        if not ts:
            await self._note(channel, "", "")
            ts = await self._post(channel, drawn.text, drawn.blocks, None)
        await self._note(channel, ts, drawn.shown)
        return ts

    async def once(self, channel: str, name: str, text: str, thread: str | None) -> None:
        """Say something in a channel, or in the thread of a card, unless that was done before."""
        target, block_id = f"{channel}/{name}", f"{card_id(self._action.id)}:{name}"
        notice = self._known.get(target)
        if notice is not None and notice.reference:
            return
        found = None
        if notice is not None:
            found = await self._find(channel, block_id, thread)
        if found is None:
            await self._note(target, "", "")
            found = await self._post(channel, text, [{**section(text), "block_id": block_id}], thread)
        await self._note(target, found, name)

    async def _opened(self, user: str) -> str:
        with slack_errors():
            opened = await self._client.conversations_open(users=user)
        channel = str((opened.get("channel") or {}).get("id") or "")
        if not channel:
            raise NotifierUnavailable(f"Slack's answer about {user} names no channel; trying again")
        return channel

    async def _update(self, channel: str, ts: str, drawn: Card) -> bool:
        """Update a card. False when it is gone."""
        try:
            with slack_errors():
                await self._client.chat_update(channel=channel, ts=ts, text=drawn.text, blocks=drawn.blocks)
        except SlackRefused as refusal:
            if refusal.code not in _GONE:
                raise
            log.warning("slack_card_gone", action=self._action.id, channel=channel, code=refusal.code)
            return False
        return True

    async def _post(self, channel: str, text: str, blocks: list[Block], thread: str | None) -> str:
        await self._pace.turn(channel)
        try:
            with slack_errors():
                posted = await self._client.chat_postMessage(
                    channel=channel, text=text, blocks=blocks, thread_ts=thread, unfurl_links=False, unfurl_media=False
                )
        except NotifierUnavailable as problem:
            if problem.retry_after is not None:
                self._pace.stop(channel, problem.retry_after)
            raise
        if not (ts := str(posted.get("ts") or "")):
            raise NotifierUnavailable(f"Slack's answer about a message to {channel} does not name it; trying again")
        return ts

    async def _find(self, channel: str, wanted: str, thread: str | None = None) -> str | None:
        """Look through a thread, or the channel since the action came, for what an earlier attempt posted.

        Without the right to read them, nothing is found.
        """
        oldest = f"{self._action.created_at.timestamp() - 60:.6f}"
        cursor = None
        for _ in range(_MAX_PAGES):
            page: dict[str, Any] = {"channel": channel, "limit": _PAGE, "cursor": cursor}
            try:
                with slack_errors():
                    if thread is not None:
                        answer = await self._client.conversations_replies(ts=thread, **page)
                    else:
                        answer = await self._client.conversations_history(oldest=oldest, **page)
            except SlackRefused as refusal:
                log.warning("slack_history_unread", channel=channel, code=refusal.code, to_do=refusal.remedy)
                return None
            for message in answer.get("messages") or []:
                if any(block.get("block_id") == wanted for block in message.get("blocks") or []):
                    return str(message["ts"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return None
        return None

    async def _note(self, target: str, reference: str, shown: str) -> None:
        notice = Notice(target=target, reference=reference, shown=shown)
        await self._store.put(self._action.id, NAME, notice)
        self._known[target] = notice

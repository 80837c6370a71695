"""What the handlers of Slack's clicks work with, and what they answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from slack_sdk.web.async_client import AsyncWebClient

from adapters.notifiers.slack.accounts import Accounts
from adapters.notifiers.slack.forms import REASON_BLOCK
from adapters.notifiers.slack.text import prose
from api.connections import Connections
from api.slack_clicks import ACCOUNTS, NOT_ASKED, Clicks, RefusedClick
from api.slack_payloads import (
    AppHomeOpened,
    BlockActions,
    Inbound,
    SlashCommand,
    ViewClosed,
    ViewSubmission,
)
from domain.action import Tier
from domain.approval import Ballot, Receipt
from domain.catalog import Person
from domain.errors import NotFound, NotifierUnavailable
from domain.policy import Policy

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
class Home:
    """The Home of a person, to be drawn anew: which page, what to say at its top, and what they have just decided."""

    user: str
    page: int = 0
    said: str = ""
    decided: str = ""


@dataclass(frozen=True)
class Ack:
    """The answer to Slack: an empty one, or what a form or command is to show; and what is to follow it."""

    body: dict[str, Any] | None = None
    note: Note | None = None
    home: Home | None = None


@dataclass(frozen=True)
class SlackParts:
    """What handlers need. Without a client they take votes, but can neither open forms nor answer in words."""

    policies: PolicySource
    cast: Cast
    client: AsyncWebClient | None
    clicks: Clicks
    doors: Connections
    accounts: Accounts

    async def person(self, user: str) -> Person | None:
        """Return the one person with this Slack user; nobody when there is none, or more than one."""
        policy = await self.policies.current()
        found = [person for person in policy.people.values() if person.slack_user == user]
        return found[0] if len(found) == 1 else None

    async def objection(self, user: str, action_id: str | None = None) -> RefusedClick | None:
        """Say why an account may not decide, or change anything: a guest's, say, or another company's.

        Where Slack does not tell whose it is, it may decide about actions below high tier, and nothing else.
        """
        try:
            why = await self.accounts.objection(user)
        except NotifierUnavailable:
            return None if action_id and await self._is_below_high(action_id) else NOT_ASKED
        return ACCOUNTS.get(why) if why is not None else None

    async def _is_below_high(self, action_id: str) -> bool:
        try:
            return (await self.doors.actions.get(action_id)).tier in (Tier.LOW, Tier.MEDIUM)
        except NotFound:
            return True  # there is nothing to decide


def answer(inbound: Inbound, text: str) -> Ack:
    """Tell the person who clicked or typed: in the form they sent, on their Home, or in a note that only they see."""
    match inbound:
        case BlockActions():
            if inbound.channel is None:
                return Ack(home=Home(inbound.user.id, inbound.page, said=text))
            return Ack(note=Note(inbound.channel.id, inbound.user.id, prose(text)))
        case ViewSubmission():
            return Ack(body={"response_action": "errors", "errors": {REASON_BLOCK: text}})
        case SlashCommand():
            return Ack(body={"response_type": "ephemeral", "text": prose(text)})
        case _:
            return Ack()


def user_of(inbound: Inbound) -> str:
    """Return the Slack user who did it; empty for what nobody did."""
    match inbound:
        case SlashCommand():
            return inbound.user_id
        case AppHomeOpened():
            return inbound.user
        case BlockActions() | ViewSubmission() | ViewClosed():
            return inbound.user.id
        case _:
            return ""

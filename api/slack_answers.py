"""What the handlers of Slack's clicks work with, and what they answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from slack_sdk.web.async_client import AsyncWebClient

from adapters.notifiers.slack.text import prose
from api.slack_clicks import Clicks
from api.slack_payloads import (
    REASON_BLOCK,
    AppHomeOpened,
    BlockActions,
    Inbound,
    SlashCommand,
    ViewClosed,
    ViewSubmission,
)
from domain.approval import Ballot, Receipt
from domain.catalog import Person
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
class Ack:
    """The answer to Slack: an empty one, or what a form or command is to show; and a note to send after it."""

    body: dict[str, Any] | None = None
    note: Note | None = None


@dataclass(frozen=True)
class SlackParts:
    """What handlers need. Without a client they take votes, but can neither open forms nor answer in words."""

    policies: PolicySource
    cast: Cast
    client: AsyncWebClient | None
    clicks: Clicks

    async def person(self, user: str) -> Person | None:
        """Return the one person with this Slack user; nobody when there is none, or more than one."""
        policy = await self.policies.current()
        found = [person for person in policy.people.values() if person.slack_user == user]
        return found[0] if len(found) == 1 else None


def answer(inbound: Inbound, text: str) -> Ack:
    """Tell the person who clicked or typed: in the form they sent, else in a note that only they see."""
    match inbound:
        case BlockActions():
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

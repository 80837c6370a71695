"""One showing of one action: its card and story in a channel, its card to a person, its news to the requester."""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.notifiers.slack.buttons import Place
from adapters.notifiers.slack.cards import card, review_link
from adapters.notifiers.slack.client import SlackRefused
from adapters.notifiers.slack.messages import THREAD_GONE, Messages
from adapters.notifiers.slack.requester import news
from adapters.notifiers.slack.seal import Seal
from adapters.notifiers.slack.story import Reply, reminders_to, story
from domain.policy import Policy
from domain.record import ActionRecord
from domain.revision import Revision


@dataclass(frozen=True)
class Showing:
    """What is shown, by which policy, and what seals the buttons. `revisions` are those that were made."""

    messages: Messages
    record: ActionRecord
    policy: Policy
    revisions: list[Revision]
    public_url: str
    seal: Seal

    async def in_channel(self, channel: str) -> None:
        """Show the card in a channel, and tell under it what happened."""
        ts = await self.card(channel)
        link = review_link(self.public_url, self.record.action.id)
        await self._tell(channel, ts, story(self.record, self.policy, self.revisions, link, channel))

    async def card(self, channel: str, *, anew: bool = False) -> str:
        """Show the card in a channel; return its time stamp. `anew` says that the one that was there is gone."""
        earlier = self.revisions[-2].arguments_bytes if len(self.revisions) > 1 else None
        place = Place(channel, self.seal)
        drawn = card(self.record, self.policy, self.public_url, place, earlier)
        return await self.messages.card(channel, drawn, anew=anew)

    async def to_person(self, user: str) -> None:
        """Show the card to one person, in a message of their own."""
        channel = await self.messages.own_channel(user)
        ts = await self.card(channel)
        for person in self.policy.people.values():
            if person.slack_user == user:
                await self._tell(channel, ts, reminders_to(person.id, self.record, self.policy))

    async def to_requester(self, user: str) -> None:
        """Tell the person on whose behalf the agent acts what is new."""
        link = review_link(self.public_url, self.record.action.id)
        told = news(self.record, self.policy, link)
        channel = await self.messages.own_channel(user) if told else ""
        for reply in told:
            await self.messages.once(channel, f"requester-{reply.name}", reply.text, None)

    async def _tell(self, channel: str, ts: str, replies: Sequence[Reply]) -> None:
        """Reply under the card; where that is gone, under a new one."""
        for reply in replies:
            try:
                await self.messages.once(channel, reply.name, reply.text, ts)
            except SlackRefused as refusal:
                if refusal.code not in THREAD_GONE:
                    raise
                ts = await self.card(channel, anew=True)
                await self.messages.once(channel, reply.name, reply.text, ts)

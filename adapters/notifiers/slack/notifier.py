"""Shows actions in Slack: in the channels of the groups that are asked, and to people in messages of their own."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

import structlog
from prometheus_client import Counter
from slack_sdk.web.async_client import AsyncWebClient

from adapters.notifiers.slack.client import SlackRefused
from adapters.notifiers.slack.messages import NAME, Messages, NoticeStore
from adapters.notifiers.slack.pace import Pace
from adapters.notifiers.slack.requester import requester
from adapters.notifiers.slack.seal import Seal
from adapters.notifiers.slack.showing import Showing
from domain.errors import NotifierUnavailable
from domain.notification import whom_to_notify
from domain.policy import Policy
from domain.record import ActionRecord
from domain.revision import Revision

log = structlog.get_logger(__name__)
REFUSED = Counter("remit_slack_refused", "Places where Slack does not let Remit show an action", ["code"])

_ENOUGH_TROUBLE = 3
"""After so many places for which Slack did not answer, the others wait for the next try."""

Whom = Callable[[ActionRecord, Policy], Awaitable[Sequence[str]]]
Place = tuple[str, Callable[[], Awaitable[object]]]


class RevisionSource(Protocol):
    """What the notifier needs of the store of revisions."""

    async def made(self, action_id: str) -> list[Revision]:
        """Return the revisions that were made, in their order; none where the first one still stands."""


async def whose_turn_it_is(record: ActionRecord, policy: Policy) -> Sequence[str]:
    """Return everybody whose turn it is now, however busy they are."""
    return whom_to_notify(record, policy, datetime.now(UTC))


class SlackNotifier:
    """Posts a card in each channel and to each person, keeps all of them up to date, and tells the story under them.

    `whom` says who gets a message of their own.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        notices: NoticeStore,
        revisions: RevisionSource,
        public_url: str,
        seal: Seal,
        whom: Whom = whose_turn_it_is,
    ) -> None:
        self._client = client
        self._notices = notices
        self._revisions = revisions
        self._public_url = public_url
        self._seal = seal
        self._whom = whom
        self._pace = Pace()
        self._own: dict[str, str] = {}

    async def show(self, record: ActionRecord, policy: Policy, occasions: Sequence[str]) -> None:
        """Show the record wherever its groups and people are asked or it was shown before, and tell the requester.

        Shown twice, it is one card, and each happening is told once. Everything is drawn from the record, so what one
        showing misses the next one catches up with, whatever its `occasions`. Raises NotifierUnavailable, after all
        places had their turn, when one of them is to be tried again; what only a person can mend is logged with how.
        """
        if record.approval is None:
            return
        action, trouble = record.action, list[NotifierUnavailable]()
        known = {notice.target: notice for notice in await self._notices.of_action(action.id, NAME)}
        messages = Messages(self._client, self._notices, self._pace, self._own, action, known)
        revisions = await self._revisions.made(action.id) if record.approval.revisions > 1 else []
        showing = Showing(messages, record, policy, revisions, self._public_url, self._seal)
        users = _slack_users(await self._whom(record, policy), policy)
        for place, show in _places(showing, users):
            try:
                await show()
            except SlackRefused as refusal:
                REFUSED.labels(refusal.code).inc()
                log.error("slack_refused", action=action.id, channel=place, code=refusal.code, to_do=refusal.remedy)
            except NotifierUnavailable as problem:
                trouble.append(problem)
            if sum(problem.retry_after is None for problem in trouble) >= _ENOUGH_TROUBLE:
                break
        if trouble:
            raise _soonest(trouble)


def _places(showing: Showing, users: Sequence[str]) -> Iterator[Place]:
    """Yield where the action is shown: channels, then people, those who have its card already first."""
    messages, record, policy = showing.messages, showing.record, showing.policy
    groups = record.approval.groups if record.approval else []
    asked = [policy.groups[name].slack_channel for name in groups if name in policy.groups]
    noted, own = messages.cards, messages.own_channels
    for channel in dict.fromkeys([*filter(None, asked), *(card for card in noted if card not in own.values())]):
        yield channel, partial(showing.in_channel, channel)
    carded = [user for user, channel in own.items() if channel in noted]
    for user in dict.fromkeys([*carded, *users]):
        yield user, partial(showing.to_person, user)
    person = requester(record, policy)
    if person is not None and person.slack_user is not None:
        yield person.slack_user, partial(showing.to_requester, person.slack_user)


def _slack_users(people: Sequence[str], policy: Policy) -> list[str]:
    found = [policy.people[person].slack_user for person in people if person in policy.people]
    return [user for user in found if user is not None]


def _soonest(trouble: Sequence[NotifierUnavailable]) -> NotifierUnavailable:
    """Return the trouble that is to be tried again first; what named no time is tried again as ever."""
    return min(trouble, key=lambda problem: -1.0 if problem.retry_after is None else problem.retry_after)

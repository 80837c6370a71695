"""Reads from Slack who belongs to the user groups that the policy names.

Of a user group only people of the catalog are looked at: whom the catalog does not know may not vote anyway. Bots and
deactivated accounts are left out. A user group that cannot be read keeps what was confirmed before until that is too
old to count.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, Protocol

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from adapters.notifiers.slack.client import SlackRefused, slack_errors
from domain.errors import NotifierUnavailable
from domain.policy import Policy

log = structlog.get_logger(__name__)
_NOBODY = ("user_not_found", "user_not_visible")


class PolicySource(Protocol):
    """The policy that is active now: it names the user groups."""

    async def current(self) -> Policy:
        """Return it, or raise PolicyUnavailable."""


class MembershipStore(Protocol):
    """What reading user groups needs of the store of memberships."""

    async def confirmed_within(self, age: timedelta) -> Mapping[str, Collection[str]]:
        """Return the Slack users of each user group that was confirmed within `age`."""

    async def confirm(self, usergroup: str, members: Collection[str]) -> None:
        """Note who belongs to a user group now."""

    async def keep_only(self, usergroups: Collection[str]) -> None:
        """Forget every other user group."""


class UsergroupReader:
    """Confirms memberships; several processes share the work, each reading what none has read lately."""

    def __init__(
        self, client: AsyncWebClient, policies: PolicySource, memberships: MembershipStore, every: timedelta
    ) -> None:
        self._client = client
        self._policies = policies
        self._memberships = memberships
        self._every = every

    async def read(self) -> None:
        """Confirm the members of every user group that the active policy names and that is due.

        Raises NotifierUnavailable, after all had their turn, when one of them is to be tried again; what only a
        person can mend is logged with how.
        """
        policy = await self._policies.current()
        wanted = sorted({group.slack_usergroup for group in policy.bundle.groups if group.slack_usergroup is not None})
        known = {person.slack_user for person in policy.people.values() if person.slack_user is not None}
        recent = await self._memberships.confirmed_within(self._every / 2)
        unavailable = None
        for usergroup in wanted:
            if usergroup in recent:
                continue
            try:
                await self._memberships.confirm(usergroup, await _people_of(self._client, usergroup, known))
            except SlackRefused as refusal:
                log.error("slack_usergroup_unread", usergroup=usergroup, code=refusal.code, to_do=refusal.remedy)
            except NotifierUnavailable as problem:
                unavailable = problem
        await self._memberships.keep_only(wanted)
        if unavailable is not None:
            raise unavailable


async def _people_of(client: AsyncWebClient, usergroup: str, known: Collection[str]) -> list[str]:
    """Return the active people of a user group who are among `known`."""
    with slack_errors():
        answer = await client.usergroups_users_list(usergroup=usergroup)
    users = answer.get("users")
    if not isinstance(users, list):
        raise NotifierUnavailable(f"Slack's answer about the user group {usergroup} names no users; trying again")
    return [user for user in users if isinstance(user, str) and user in known and await _is_active(client, user)]


async def _is_active(client: AsyncWebClient, user: str) -> bool:
    try:
        with slack_errors():
            answer = await client.users_info(user=user)
    except SlackRefused as refusal:
        if refusal.code in _NOBODY:
            return False
        raise
    account: Any = answer.get("user")
    if not isinstance(account, dict) or not isinstance(account.get("deleted"), bool):
        raise NotifierUnavailable(f"Slack's answer about {user} does not say whether the account is active")
    return not account["deleted"] and not account.get("is_bot", False)

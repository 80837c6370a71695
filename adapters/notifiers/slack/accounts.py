"""Whose account it is that clicks: Slack says whether it belongs to an active person of this workspace.

A person of the catalog may have left the company's Slack, become a guest, or write from another company's workspace.
What Slack says is kept for some minutes; that it did not answer is not.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from adapters.notifiers.slack.client import SlackRefused, slack_errors
from domain.errors import NotifierUnavailable

FRESH_SECONDS = 300.0
WAIT_SECONDS = 1.0
"""How long Slack may take to say it: the click that waits for it must be answered within 3 s."""

_GUEST = ("is_restricted", "is_ultra_restricted")
_NOT_THERE = ("user_not_found", "user_not_visible", "users_not_found")


class Accounts:
    """Asks Slack for accounts, and remembers the answers for `FRESH_SECONDS`."""

    def __init__(self, client: AsyncWebClient | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._team = ""
        self._known: dict[str, tuple[float, str | None]] = {}

    async def objection(self, user: str) -> str | None:
        """Return why an account may not decide anything: deactivated, bot, guest, external, unknown; None when it may.

        Raises NotifierUnavailable when Slack does not say.
        """
        asked_at, said = self._known.get(user, (float("-inf"), None))
        if self._clock() - asked_at < FRESH_SECONDS:
            return said
        if self._client is None:
            raise NotifierUnavailable("Slack cannot be asked for accounts without REMIT_SLACK_BOT_TOKEN")
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                said = await self._asked(self._client, user)
        except TimeoutError as problem:
            raise NotifierUnavailable(f"Slack did not say in time whose account {user} is") from problem
        self._known[user] = (self._clock(), said)
        return said

    async def _asked(self, client: AsyncWebClient, user: str) -> str | None:
        try:
            with slack_errors():
                if not self._team:
                    self._team = str((await client.auth_test()).get("team_id") or "")
                account = (await client.users_info(user=user)).get("user")
        except SlackRefused as refusal:
            if refusal.code in _NOT_THERE:
                return "unknown"
            raise NotifierUnavailable(
                f"Slack does not tell about accounts ({refusal.code}): {refusal.remedy}"
            ) from None
        if not isinstance(account, dict) or not isinstance(account.get("deleted"), bool) or not self._team:
            raise NotifierUnavailable(f"Slack's answer about {user} does not say whose account it is")
        return _objection(account, self._team)


def _objection(account: Mapping[str, Any], team: str) -> str | None:
    if account["deleted"]:
        return "deactivated"
    if account.get("is_bot"):
        return "bot"
    if any(account.get(mark) for mark in _GUEST):
        return "guest"
    # In an organisation of several workspaces, a person of another one may belong to this one, too.
    teams = [account.get("team_id"), *((account.get("enterprise_user") or {}).get("teams") or [])]
    return "external" if account.get("is_stranger") or team not in teams else None

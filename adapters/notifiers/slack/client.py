"""Calls to Slack's Web API, with its errors told apart: those that pass, and those that a person must mend."""

import contextlib
import re
from collections.abc import Iterator

import aiohttp
from pydantic import SecretStr
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from domain.errors import NotifierUnavailable

TIMEOUT_SECONDS = 5
_SECONDS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")

_PASSING = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
_NOT_THERE = "the workspace has no such active person: check slack_user in the policy, and who has left"
_REMEDY = {
    "channel_not_found": "check the group's slack_channel in the policy; for a private channel, invite the bot",
    "not_in_channel": "invite the bot to the channel: /invite",
    "is_archived": "the channel is archived: give the group another slack_channel in the policy",
    "invalid_auth": "the bot token is not valid: set REMIT_SLACK_BOT_TOKEN anew",
    "not_authed": "the bot token is missing: set REMIT_SLACK_BOT_TOKEN",
    "account_inactive": "the bot was removed from the workspace: install the app again and set REMIT_SLACK_BOT_TOKEN",
    "token_revoked": "the bot token was revoked: install the app again and set REMIT_SLACK_BOT_TOKEN",
    "token_expired": "the bot token expired: set REMIT_SLACK_BOT_TOKEN anew",
    "missing_scope": "give the app the scopes chat:write, channels:history, groups:history, im:history and im:write, "
    "and for groups that come from Slack usergroups:read and users:read; then install it again",
    "user_not_found": _NOT_THERE,
    "users_not_found": _NOT_THERE,
    "user_disabled": _NOT_THERE,
    "user_not_visible": "the person is hidden from the bot, as guests and people of other workspaces can be: let them "
    "use the review page, or give them another slack_user in the policy",
    "user_is_restricted": "the person is a guest whom the bot may not write to: let them use the review page",
    "user_is_ultra_restricted": "the person is a guest whom the bot may not write to: let them use the review page",
    "cannot_dm_bot": "the slack_user in the policy is a bot: name the person's own",
    "not_enabled": "switch the Home tab on in the App Home of the app, so that people find their queue there",
    "messages_tab_disabled": "switch the Messages tab on in the App Home of the app, so that it can write to people",
    "msg_too_long": "the card is too large for Slack: use the review page, and tell Remit's developers",
    "invalid_blocks": "Slack cannot read the card: use the review page, and tell Remit's developers",
    "no_such_subteam": "check the group's slack_usergroup in the policy: Slack has no such user group",
    "plan_upgrade_required": "this workspace's plan has no user groups: name the group's members in the policy",
    "restricted_action": "the workspace forbids the bot to post there: ask a workspace admin",
}


class SlackRefused(Exception):
    """Slack said no and will say no again; `code` is its own word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def remedy(self) -> str:
        """What a person can do about it."""
        return _REMEDY.get(self.code, "look the code up in the documentation of Slack's Web API")


def slack_client(token: SecretStr, base_url: str) -> AsyncWebClient:
    """Return a client. It waits 5 s at most and does not repeat calls: whoever calls it knows when to.

    It opens a connection for each call, so there is nothing to close.
    """
    base = base_url if base_url.endswith("/") else f"{base_url}/"
    return AsyncWebClient(token=token.get_secret_value(), base_url=base, timeout=TIMEOUT_SECONDS, retry_handlers=[])


@contextlib.contextmanager
def slack_errors() -> Iterator[None]:
    """Turn a failed call into NotifierUnavailable, when trying later may help, or into SlackRefused."""
    try:
        yield
    except SlackApiError as problem:
        code, status = _reason(problem)
        if code in _PASSING or status == 429 or status >= 500:
            message = f"Slack does not take it now ({code}, {status}); trying again"
            raise NotifierUnavailable(message, retry_after=_retry_after(problem)) from problem
        raise SlackRefused(code) from problem
    except (aiohttp.ClientError, SlackClientError, OSError, TimeoutError) as problem:
        raise NotifierUnavailable(f"Slack cannot be reached ({type(problem).__name__}); trying again") from problem


def _reason(problem: SlackApiError) -> tuple[str, int]:
    """Return Slack's word for an error and the HTTP status.

    The response is the client's own, or aiohttp's where the body was not JSON at all.
    """
    response = problem.response
    status = getattr(response, "status_code", None) or getattr(response, "status", None) or 0
    data = getattr(response, "data", None)
    code = data.get("error") if isinstance(data, dict) else None
    return str(code or "no_reason_given")[:100], int(status)


def _retry_after(problem: SlackApiError) -> float | None:
    """Return in how many seconds Slack wants to be asked again; None when it did not say, or nothing sensible."""
    headers = getattr(problem.response, "headers", None) or {}
    named = next((str(headers[name]) for name in headers if str(name).lower() == "retry-after"), "")
    return float(named) if _SECONDS.fullmatch(named.strip()) else None

"""What `remit slack check` looks at: the settings, and what the active policy needs of Slack."""

from datetime import UTC, datetime

import asyncpg
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from adapters.database.policies import CurrentPolicy, Policies
from adapters.notifiers.slack import slack_client
from adapters.notifiers.slack.findings import Finding, app_token_finding, findings
from settings import Settings

_NO_WAY_IN = "set REMIT_SLACK_SIGNING_SECRET (clicks come by HTTP) or REMIT_SLACK_APP_TOKEN (by Socket Mode)"


async def checked(pool: "asyncpg.Pool[asyncpg.Record]", settings: Settings) -> list[Finding]:
    """Return everything that was looked at. Raises PolicyUnavailable where no bundle is active."""
    bundle = (await CurrentPolicy(Policies(pool), settings.policy_refresh_seconds).current()).bundle
    found = [await _way_in(settings)]
    if settings.slack_bot_token is None:
        return [*found, Finding(about="bot token", well=False, said="set REMIT_SLACK_BOT_TOKEN")]
    client = _patient(slack_client(settings.slack_bot_token, str(settings.slack_base_url)))
    return [*found, *[finding async for finding in findings(client, bundle, datetime.now(UTC))]]


async def _way_in(settings: Settings) -> Finding:
    """Say how clicks come in; an app-level token is tried."""
    token = settings.slack_app_token
    if token is not None:
        client = slack_client(token, str(settings.slack_base_url))
        return await app_token_finding(client, token.get_secret_value())
    secret = settings.slack_signing_secret
    if secret is None or not secret.get_secret_value().strip():
        return Finding(about="way in", well=False, said=_NO_WAY_IN)
    return Finding(about="signing secret", well=True, said="set; clicks come by HTTP")


def _patient(client: AsyncWebClient) -> AsyncWebClient:
    """Let a client wait as long as Slack says: a company has more people than Slack answers for in a minute."""
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=5))
    return client

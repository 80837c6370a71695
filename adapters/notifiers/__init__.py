"""How people get to know. A new notifier is one folder, one line here and one test."""

from collections.abc import Sequence
from typing import Protocol

from adapters.database.notices import Notices
from adapters.notifiers.slack import SlackNotifier, slack_client
from domain.policy import Policy
from domain.record import ActionRecord
from settings import Settings


class Notifier(Protocol):
    """The shape every member has; activities state the same port where they use it."""

    async def show(self, record: ActionRecord, policy: Policy, occasions: Sequence[str]) -> None:
        """Show the record wherever its groups are asked."""


def notifiers(settings: Settings, notices: Notices) -> dict[str, Notifier]:
    """Return the notifiers that this deployment configured, by name."""
    configured: dict[str, Notifier] = {}
    if settings.slack_bot_token is not None:
        client = slack_client(settings.slack_bot_token, str(settings.slack_base_url))
        configured["slack"] = SlackNotifier(client, notices, str(settings.public_url))
    return configured

"""How people get to know. A new notifier is one folder, one line here and one test."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from adapters.database.actions import Actions
from adapters.database.assignments import Assignments
from adapters.database.notices import Notices
from adapters.database.revisions import Revisions
from adapters.notifiers.digests import SlackDigests
from adapters.notifiers.email import EmailNotifier, FirstChannel
from adapters.notifiers.slack import Seal, SlackNotifier, slack_client
from adapters.notifiers.slack.notifier import Whom
from adapters.smtp import mail_server
from domain.errors import NotFound
from domain.policy import Policy
from domain.record import ActionRecord
from settings import Settings


class Notifier(Protocol):
    """The shape every member has; activities state the same port where they use it."""

    async def show(self, record: ActionRecord, policy: Policy, occasions: Sequence[str]) -> None:
        """Show the record wherever its groups are asked."""


def notifiers(settings: Settings, notices: Notices, revisions: Revisions, whom: Whom) -> dict[str, Notifier]:
    """Return the notifiers that this deployment configured, by name. `whom` says who gets a message of their own."""
    configured: dict[str, Notifier] = {}
    first: FirstChannel | None = None
    if settings.slack_bot_token is not None:
        client = slack_client(settings.slack_bot_token, str(settings.slack_base_url))
        slack = SlackNotifier(client, notices, revisions, str(settings.public_url), button_seal(settings), whom)
        first = FirstChannel(slack, timedelta(seconds=settings.email_after_seconds))
        configured["slack"] = first
    if (server := mail_server(settings)) is not None:
        configured["email"] = EmailNotifier(server, notices, revisions, str(settings.public_url), first, whom)
    return configured


def digests(
    settings: Settings, notices: Notices, assignments: Assignments, actions: Actions
) -> dict[str, SlackDigests]:
    """Return the places where people get digests, by name; they are notifiers, too, and keep their messages true."""
    configured: dict[str, SlackDigests] = {}
    if settings.slack_bot_token is not None:
        client = slack_client(settings.slack_bot_token, str(settings.slack_base_url))
        configured["slack_digests"] = SlackDigests(
            client, notices, assignments, actions, str(settings.public_url), button_seal(settings)
        )
    return configured


def button_seal(settings: Settings) -> Seal:
    """Return what seals the buttons of cards, the same in every process that has the same settings.

    Raises NotFound where nothing of Slack is set.
    """
    secret = settings.slack_button_key or settings.slack_bot_token or settings.slack_signing_secret
    if secret is None:
        raise NotFound("Slack is not configured; set REMIT_SLACK_BOT_TOKEN")
    return Seal(secret)

"""Mail: the card for people who have no Slack, and for everybody while Slack is down."""

from adapters.notifiers.email.notifier import EmailNotifier

__all__ = ["EmailNotifier"]

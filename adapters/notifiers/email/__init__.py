"""Mail: the card for people who have no Slack, and for everybody while Slack is down."""

from adapters.notifiers.email.notifier import EmailNotifier
from adapters.notifiers.email.second import FirstChannel

__all__ = ["EmailNotifier", "FirstChannel"]

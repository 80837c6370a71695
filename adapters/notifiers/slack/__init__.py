"""Slack: cards where groups are asked, brought up to date as the action goes on."""

from adapters.notifiers.slack.client import slack_client
from adapters.notifiers.slack.notifier import SlackNotifier

__all__ = ["SlackNotifier", "slack_client"]

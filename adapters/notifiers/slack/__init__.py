"""Slack: cards where groups are asked, brought up to date as the action goes on."""

from adapters.notifiers.slack.client import slack_client
from adapters.notifiers.slack.notifier import SlackNotifier
from adapters.notifiers.slack.usergroups import UsergroupReader

__all__ = ["SlackNotifier", "UsergroupReader", "slack_client"]

"""Slack: cards where groups and people are asked, brought up to date as the action goes on."""

from adapters.notifiers.slack.client import slack_client
from adapters.notifiers.slack.notifier import SlackNotifier
from adapters.notifiers.slack.seal import Seal
from adapters.notifiers.slack.usergroups import UsergroupReader

__all__ = ["Seal", "SlackNotifier", "UsergroupReader", "slack_client"]

"""The strict front before the Slack emulator."""

from tests.slack_front.deliveries import Delivery, SocketRoute
from tests.slack_front.front import Front, NoSuchButton
from tests.slack_front.payloads import message_problems, view_problems

__all__ = ["Delivery", "Front", "NoSuchButton", "SocketRoute", "message_problems", "view_problems"]

"""The rules of Slack's Web API that the emulator does not know: a call in, Slack's error out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.slack import TEAM_ID
from tests.slack_front.clock import Clock
from tests.slack_front.payloads import message_problems, units, view_problems
from tests.slack_front.scopes import SCOPES, needed

TRIGGER_SECONDS = 3
MAX_TEXT = 40_000
READS = {
    "conversations.history",
    "conversations.info",
    "conversations.replies",
    "usergroups.list",
    "usergroups.users.list",
    "users.info",
    "users.lookupByEmail",
}
"""Methods that take no JSON."""

Answer = dict[str, Any]


@dataclass
class Trigger:
    """What lets the app open one form: somebody's click, a moment ago."""

    user: str
    born: float
    used: bool = False


@dataclass
class World:
    """What the front knows of its workspace besides what the emulator keeps."""

    bot_token: str
    app_token: str
    members: Mapping[str, set[str]]
    """By channel, the people in it."""
    clock: Clock = field(default_factory=Clock)
    scopes: set[str] = field(default_factory=set)
    revoked: str = ""
    """Why no token counts any more: token_revoked, account_inactive."""
    absent: set[str] = field(default_factory=set)
    """Channels without the bot."""
    private: set[str] = field(default_factory=set)
    """Channels whose existence Slack keeps from a bot that is not in them."""
    archived: set[str] = field(default_factory=set)
    restricted: set[str] = field(default_factory=set)
    """Channels where the bot may not post."""
    users: dict[str, Answer | None] = field(default_factory=dict)
    """What differs in somebody's account from the emulator's; None for nobody."""
    pace: float = 0
    """Seconds between the messages of one channel, by the machine's own clock; sooner is 429. 0: as fast as can be."""
    posted: dict[str, float] = field(default_factory=dict)
    """When a channel last got a message."""
    usergroups: dict[str, list[str]] = field(default_factory=dict)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    """The hash of each view by its id."""


def too_soon(world: World, method: str, arguments: Mapping[str, Any], now: float) -> bool:
    """Whether a message comes sooner after the one before it in its channel than Slack takes them."""
    if not world.pace or method not in ("chat.postMessage", "chat.postEphemeral"):
        return False
    channel = str(arguments.get("channel", ""))
    if now < world.posted.get(channel, now - world.pace) + world.pace:
        return True
    world.posted[channel] = now
    return False


def complete_user(world: World, user: str, answer: Answer) -> None:
    """Make of the emulator's answer about somebody what Slack would say, and what the test says of them."""
    change = world.users.get(user, {})
    if change is None:
        answer.clear()
        answer.update(refused("user_not_found"))
        return
    account = {"team_id": TEAM_ID, "deleted": False, "is_bot": False, **answer["user"], **change}
    if account["deleted"]:  # Slack leaves out the rest of such an account
        account = {name: account[name] for name in ("id", "team_id", "name", "deleted", "profile")}
    if "users:read.email" not in world.scopes:
        account["profile"] = {name: said for name, said in account["profile"].items() if name != "email"}
    answer["user"] = account


def refused(error: str, **more: Any) -> Answer:
    """Return Slack's way to say no."""
    return {"ok": False, "error": error, **more}


def refusal(world: World, method: str, token: str, arguments: Mapping[str, Any], json_body: bool) -> Answer | None:
    """Return why Slack would not do it; None when the emulator may."""
    if (unproven := _unproven(world, method, token)) is not None:
        return unproven
    if method not in SCOPES:
        return refused("unknown_method", req_method=method)
    if json_body and method in READS:
        return refused("invalid_arguments")
    channel = str(arguments.get("channel", ""))
    lacking = [scope for scope in needed(method, channel) if scope not in world.scopes]
    if lacking and method != "apps.connections.open":
        return refused("missing_scope", needed=",".join(lacking), provided=",".join(sorted(world.scopes)))
    family = method.partition(".")[0]
    rule = {"chat": _chat, "conversations": _conversations, "views": _views}.get(family)
    return rule(world, method, arguments) if rule else None


def _unproven(world: World, method: str, token: str) -> Answer | None:
    if method == "api.test":
        return None
    if not token:
        return refused("not_authed")
    if token not in (world.bot_token, world.app_token):
        return refused("invalid_auth")
    if world.revoked:
        return refused(world.revoked)
    for_app = method == "apps.connections.open"
    return None if (token == world.app_token) == for_app else refused("not_allowed_token_type")


def _in_channel(world: World, channel: str) -> Answer | None:
    if channel in world.absent:
        return refused("channel_not_found" if channel in world.private else "not_in_channel")
    return refused("is_archived") if channel in world.archived else None


def _chat(world: World, method: str, arguments: Mapping[str, Any]) -> Answer | None:
    channel = str(arguments.get("channel", ""))
    user = world.users.get(channel, {}) if channel[:1] in ("U", "W") else {}
    if not channel or user is None or user.get("deleted"):
        return refused("channel_not_found")
    if (outside := _in_channel(world, channel)) is not None:
        return outside
    if method in ("chat.delete", "chat.getPermalink"):
        return None
    if channel in world.restricted:
        return refused("restricted_action")
    elsewhere = channel in world.members and arguments.get("user") not in world.members[channel]
    if method == "chat.postEphemeral" and elsewhere:
        return refused("user_not_in_channel")
    return _message(arguments)


def _message(arguments: Mapping[str, Any]) -> Answer | None:
    text, blocks = arguments.get("text") or "", arguments.get("blocks")
    if not text and not blocks:
        return refused("no_text")
    if units(str(text)) > MAX_TEXT:
        return refused("msg_too_long")
    if blocks is None:
        return None
    if not isinstance(blocks, list):
        return refused("invalid_blocks_format")
    problems = message_problems(blocks)
    return refused("invalid_blocks", **_told(problems)) if problems else None


def _conversations(world: World, method: str, arguments: Mapping[str, Any]) -> Answer | None:
    channel = str(arguments.get("channel", ""))
    if method in ("conversations.history", "conversations.replies"):
        return _in_channel(world, channel) if channel not in world.archived else None
    if method == "conversations.info" and channel in world.absent & world.private:
        return refused("channel_not_found")
    if method == "conversations.open":
        for user in str(arguments.get("users", "")).split(","):
            account = world.users.get(user, {})
            if account is None:
                return refused("user_not_found")
            if account.get("deleted"):
                return refused("user_disabled")
    return None


def _views(world: World, method: str, arguments: Mapping[str, Any]) -> Answer | None:
    opens = method in ("views.open", "views.push")
    if opens and (stale := _trigger(world, str(arguments.get("trigger_id", "")))) is not None:
        return stale
    given = arguments.get("hash")
    current = world.hashes.get(str(arguments.get("view_id") or arguments.get("user_id")))
    if method == "views.update" and current is None and not arguments.get("external_id"):
        return refused("not_found")
    if given and current and given != current:
        return refused("hash_conflict")
    problems = view_problems(arguments.get("view"))
    return refused("invalid_arguments", **_told(problems)) if problems else None


def _trigger(world: World, trigger_id: str) -> Answer | None:
    """Spend a trigger id: it counts once, and for three seconds."""
    trigger = world.triggers.get(trigger_id)
    if trigger is None:
        return refused("invalid_trigger_id")
    if trigger.used:
        return refused("exchanged_trigger_id")
    if world.clock.now - trigger.born > TRIGGER_SECONDS:
        return refused("expired_trigger_id")
    trigger.used = True
    return None


def _told(problems: list[str]) -> Answer:
    return {"errors": problems, "response_metadata": {"messages": [f"[ERROR] {problem}" for problem in problems]}}

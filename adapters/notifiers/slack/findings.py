"""Whether Slack is set up as the policy needs it: the token, its scopes, the channels, the people, the user groups.

Everything is only read: nothing is posted to find out whether posting works.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from adapters.notifiers.slack.client import SlackRefused, slack_errors
from adapters.notifiers.slack.manifest import bot_scopes
from domain.action import Frozen
from domain.catalog import Bundle, Person, has_left
from domain.errors import NotifierUnavailable

_NO_SOCKET = "make an app-level token with the scope connections:write and set REMIT_SLACK_APP_TOKEN"
_NO_ACCOUNT = ("user_not_found", "user_not_visible", "users_not_found")


class Finding(Frozen):
    """One thing that was looked at. `said` is what it is like or, where it is not `well`, what to do."""

    about: str
    well: bool
    said: str


async def findings(client: AsyncWebClient, bundle: Bundle, at: datetime) -> AsyncIterator[Finding]:
    """Look at everything that the bundle needs of Slack; at the token alone, where that does not count."""
    try:
        with slack_errors():
            me = await client.auth_test()
    except (SlackRefused, NotifierUnavailable) as problem:
        yield _wrong("bot token", _remedy(problem))
        return
    yield _well("bot token", f"{me.get('user')} in the workspace {me.get('team')}")
    yield _scopes(me.headers)
    for group in bundle.groups:
        if group.slack_channel is not None:
            yield await _channel(client, f"channel {group.slack_channel} of group {group.id}", group.slack_channel)
        if group.slack_usergroup is not None:
            about = f"user group {group.slack_usergroup} of group {group.id}"
            yield await _usergroup(client, about, group.slack_usergroup)
    for person in bundle.people:
        if person.slack_user is not None and not has_left(person, at):
            yield await _person(client, person, person.slack_user, str(me.get("team_id")))


async def app_token_finding(client: AsyncWebClient, app_token: str) -> Finding:
    """Say whether Slack takes an app-level token for Socket Mode."""
    try:
        with slack_errors():
            await client.apps_connections_open(app_token=app_token)
    except SlackRefused as refusal:
        return _wrong("app-level token", f"Slack refuses it ({refusal.code}): {_NO_SOCKET}, and switch Socket Mode on")
    except NotifierUnavailable as problem:
        return _wrong("app-level token", _remedy(problem))
    return _well("app-level token", "clicks come by Socket Mode")


def _scopes(headers: Mapping[str, str]) -> Finding:
    granted = next((said for name, said in headers.items() if name.lower() == "x-oauth-scopes"), "")
    missing = sorted(set(bot_scopes()) - {scope.strip() for scope in granted.split(",")})
    if missing:
        return _wrong("scopes", f"missing: {', '.join(missing)}; give them to the app's bot and install the app again")
    return _well("scopes", "all that Remit needs")


async def _channel(client: AsyncWebClient, about: str, channel: str) -> Finding:
    try:
        with slack_errors():
            found: Any = (await client.conversations_info(channel=channel)).get("channel") or {}
    except (SlackRefused, NotifierUnavailable) as problem:
        return _wrong(about, _remedy(problem))
    name = f"#{found.get('name', channel)}"
    if found.get("is_archived"):
        return _wrong(about, f"{name} is archived: give the group another slack_channel in the policy")
    if not (found.get("is_member") or found.get("is_im")):
        return _wrong(about, f"the bot is not in {name}: type /invite @Remit there")
    if found.get("is_read_only") or found.get("is_frozen"):
        return _wrong(about, f"the bot may not post in {name}: ask a workspace admin to let it")
    return _well(about, name)


async def _usergroup(client: AsyncWebClient, about: str, usergroup: str) -> Finding:
    try:
        with slack_errors():
            users = (await client.usergroups_users_list(usergroup=usergroup)).get("users")
    except (SlackRefused, NotifierUnavailable) as problem:
        return _wrong(about, _remedy(problem))
    count = len(users) if isinstance(users, list) else 0
    return _well(about, f"{count} members") if count else _wrong(about, "it has no members: add them in Slack")


async def _person(client: AsyncWebClient, person: Person, user: str, team: str) -> Finding:
    about = f"Slack user {user} of {person.id}"
    try:
        with slack_errors():
            account: Any = (await client.users_info(user=user)).get("user") or {}
    except SlackRefused as refusal:
        if refusal.code in _NO_ACCOUNT:
            return _wrong(about, "Slack has no such user: correct the person's slack_user in the policy")
        return _wrong(about, _remedy(refusal))
    except NotifierUnavailable as problem:
        return _wrong(about, _remedy(problem))
    problem_with = _account_problem(account, team) or _address_problem(account, person)
    return _wrong(about, problem_with) if problem_with else _well(about, f"{person.email}, an active account")


def _account_problem(account: Mapping[str, Any], team: str) -> str:
    """Say why an account is not one that may decide; empty when it is."""
    if account.get("deleted") is not False:
        return "the account is deactivated: remove the person's slack_user, or write down when they left"
    if account.get("is_bot"):
        return "this is a bot, and only people decide: correct the person's slack_user"
    if account.get("is_restricted") or account.get("is_ultra_restricted"):
        return "this is a guest account: make it a full member, or correct the person's slack_user"
    teams = [account.get("team_id"), *(account.get("enterprise_user") or {}).get("teams", [])]
    if account.get("is_stranger") or team not in teams:
        return "the account belongs to another workspace: use the person's account in this one"
    return ""


def _address_problem(account: Mapping[str, Any], person: Person) -> str:
    address = (account.get("profile") or {}).get("email")
    if not address:
        return "Slack does not tell the e-mail address: give the bot the scope users:read.email"
    if str(address).casefold() != person.email.casefold():
        return f"Slack has the e-mail address {address}, the policy {person.email}: is it the same person?"
    return ""


def _remedy(problem: SlackRefused | NotifierUnavailable) -> str:
    if isinstance(problem, SlackRefused):
        return f"{problem.code}: {problem.remedy}"
    return f"{problem}; run the check again later"


def _well(about: str, said: str) -> Finding:
    return Finding(about=about, well=True, said=said)


def _wrong(about: str, said: str) -> Finding:
    return Finding(about=about, well=False, said=said)

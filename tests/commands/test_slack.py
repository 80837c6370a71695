"""`remit slack manifest` and `remit slack check`, against the strict front: each thing that can be wrong is named."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from slack_sdk.web.async_client import AsyncWebClient

from adapters.notifiers.slack.manifest import MANIFEST, bot_scopes, manifest
from api.slack_dispatch import COMMANDS
from local.postgres import EmbeddedPostgres
from tests.bundles import DOCUMENT
from tests.databases import fresh_database
from tests.shell import ROOT, Done, Shell, bundle_folder
from tests.slack_front import Front
from tests.slack_front.rules import World
from tests.slack_front.scopes import SCOPES
from tests.slack_workspace import CHANNEL, strict_workspace

GROUPS = [DOCUMENT["groups"][0] | {"slack_usergroup": "S01FIN"}, DOCUMENT["groups"][1]]
HISTORY, READ = "channels:history groups:history im:history", "channels:read groups:read"
KINDS = {"conversations.history": HISTORY, "conversations.replies": HISTORY, "conversations.info": READ}
"""Where a method looks at conversations of each kind, it needs a scope for each."""


@dataclass
class Desk:
    """An admin's command line, and the Slack it looks at."""

    shell: Shell
    front: Front

    async def check(self, **changes: str | None) -> Done:
        settings = {
            "REMIT_SLACK_BOT_TOKEN": self.front.slack.bot_token,
            "REMIT_SLACK_SIGNING_SECRET": self.front.slack.signing_secret,
            "REMIT_SLACK_BASE_URL": self.front.url,
        }
        return await self.shell.run("slack", "check", **{**settings, **changes})


@pytest.fixture(scope="module")
async def running(shared_postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    folder = tmp_path_factory.mktemp("slack")
    shell = Shell(await fresh_database(shared_postgres), folder / "home")
    activated = await shell.run("policy", "activate", bundle_folder(folder / "bundle", groups=GROUPS))
    assert activated.code == 0, activated.err
    async with strict_workspace() as front:
        yield Desk(shell, front)


@pytest.fixture
def desk(running: Desk) -> Desk:
    running.front.reset()
    running.front.world.usergroups["S01FIN"] = ["U01ANN"]
    return running


async def test_a_workspace_as_the_policy_needs_it_is_all_right(desk: Desk) -> None:
    done = await desk.check()

    assert done.code == 0, done.out
    lines = done.out.splitlines()
    assert [line for line in lines if not line.startswith("ok ")] == []
    for about in ("signing secret", "bot token", "scopes", "channel C01FINANCE", "channel C01ONCALL", "S01FIN"):
        assert any(about in line for line in lines)
    assert len([line for line in lines if "Slack user" in line]) == len(DOCUMENT["people"])


def _change(name: str, value: Any) -> Callable[[World], None]:
    return lambda world: getattr(world, name).update(value)


def _account(**changes: Any) -> Callable[[World], None]:
    return _change("users", {"U01ANN": changes})


WRONG: dict[str, tuple[Callable[[World], None], str]] = {
    "a scope is missing": (lambda world: world.scopes.discard("usergroups:read"), r"scopes: missing: usergroups:read;"),
    "the token was revoked": (lambda world: setattr(world, "revoked", "token_revoked"), r"bot token: token_revoked: "),
    "the bot is not in a channel": (_change("absent", {CHANNEL}), rf"channel {CHANNEL} of group finance: .*/invite"),
    "the channel is hidden from the bot": (
        lambda world: (_change("absent", {CHANNEL})(world), _change("private", {CHANNEL})(world))[0],
        rf"channel {CHANNEL} of group finance: channel_not_found: .*invite the bot",
    ),
    "a channel is archived": (_change("archived", {CHANNEL}), rf"channel {CHANNEL} .* is archived: give the group"),
    "the bot may not post": (_change("restricted", {CHANNEL}), rf"channel {CHANNEL} .* may not post"),
    "a person has no account": (_change("users", {"U01ANN": None}), r"U01ANN of ann: Slack has no such user"),
    "an account is deactivated": (_account(deleted=True), r"U01ANN of ann: the account is deactivated"),
    "an account is a bot's": (_account(is_bot=True), r"U01ANN of ann: this is a bot"),
    "an account is a guest's": (_account(is_restricted=True), r"U01ANN of ann: this is a guest account"),
    "an account is a one-channel guest's": (_account(is_ultra_restricted=True), r"ann: this is a guest account"),
    "an account is of another workspace": (_account(team_id="T0OTHER"), r"ann: the account belongs to another"),
    "an account is a stranger's": (_account(is_stranger=True), r"ann: the account belongs to another"),
    "an address is another": (
        _account(profile={"email": "ann@elsewhere.example"}),
        r"ann: Slack has the e-mail address ann@elsewhere.example, the policy ann@test.example",
    ),
    "addresses are not told": (lambda world: world.scopes.discard("users:read.email"), r"ann: .*users:read.email"),
    "a user group is unknown": (lambda world: world.usergroups.clear(), r"user group S01FIN .*no_such_subteam"),
    "a user group is empty": (_change("usergroups", {"S01FIN": []}), r"user group S01FIN .*no members"),
}


@pytest.mark.parametrize(("spoil", "said"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_is_named_with_what_to_do(desk: Desk, spoil: Callable[[World], None], said: str) -> None:
    spoil(desk.front.world)

    done = await desk.check()

    assert done.code == 1
    assert [line for line in done.out.splitlines() if re.search(f"^WRONG  .*{said}", line)], done.out
    assert "to be fixed" in done.err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"REMIT_SLACK_SIGNING_SECRET": None}, "way in: set REMIT_SLACK_SIGNING_SECRET .* or REMIT_SLACK_APP_TOKEN"),
        ({"REMIT_SLACK_SIGNING_SECRET": " "}, "way in: set REMIT_SLACK_SIGNING_SECRET"),
        ({"REMIT_SLACK_BOT_TOKEN": None}, "bot token: set REMIT_SLACK_BOT_TOKEN"),
        ({"REMIT_SLACK_BOT_TOKEN": "xoxb-another"}, "bot token: invalid_auth: .*set REMIT_SLACK_BOT_TOKEN anew"),
        ({"REMIT_SLACK_APP_TOKEN": "xapp-another"}, r"app-level token: Slack refuses it \(invalid_auth\): .*"),
        (
            {"REMIT_SLACK_BASE_URL": "http://127.0.0.1:9/api/"},
            "bot token: Slack cannot be reached .*; run the check again",
        ),
    ],
)
async def test_a_setting_that_is_missing_or_wrong_is_named(
    desk: Desk, changes: dict[str, str | None], said: str
) -> None:
    done = await desk.check(**changes)

    assert done.code == 1
    assert re.search(f"^WRONG  {said}", done.out, re.MULTILINE), done.out


async def test_socket_mode_needs_no_signing_secret(desk: Desk) -> None:
    token = desk.front.slack.app_token
    done = await desk.check(REMIT_SLACK_SIGNING_SECRET=None, REMIT_SLACK_APP_TOKEN=token)

    assert done.code == 0, done.out
    assert "app-level token: clicks come by Socket Mode" in done.out


async def test_slack_that_says_to_wait_is_asked_again(desk: Desk) -> None:
    desk.front.fail("users.info", "ratelimited", 429, retry_after=1)

    assert (await desk.check()).code == 0


async def test_without_a_policy_there_is_nothing_to_check(shared_postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    done = await Shell(await fresh_database(shared_postgres), tmp_path).run("slack", "check")

    assert (done.code, done.out) == (1, "")
    assert "no policy bundle is active" in done.err


async def test_the_manifest_is_printed_with_the_installations_own_address(desk: Desk) -> None:
    done = await desk.shell.run("slack", "manifest")

    made = yaml.safe_load(done.out)
    address = "https://remit.test.example/slack/interactions"
    assert made["settings"]["interactivity"] == {"is_enabled": True, "request_url": address}
    assert made["settings"]["event_subscriptions"] == {"request_url": address, "bot_events": ["app_home_opened"]}
    assert [command["url"] for command in made["features"]["slash_commands"]] == [address]
    assert made["settings"]["socket_mode_enabled"] is False
    assert made["features"]["app_home"]["home_tab_enabled"] is True
    assert "remit.example" not in done.out.replace("remit.test.example", "")


@pytest.mark.parametrize("chosen", ["by the setting", "by the option"])
async def test_the_manifest_for_socket_mode_has_no_addresses(desk: Desk, chosen: str) -> None:
    by_option = chosen == "by the option"
    words = ("slack", "manifest", *(["--socket-mode"] if by_option else []))
    done = await desk.shell.run(*words, REMIT_SLACK_APP_TOKEN=None if by_option else "xapp-1")

    made = yaml.safe_load(done.out)
    assert made["settings"]["socket_mode_enabled"] is True
    assert "https://" not in done.out and "url" not in done.out
    assert made["settings"]["interactivity"] == {"is_enabled": True}


def test_the_manifest_has_the_commands_that_remit_answers() -> None:
    made = manifest("https://remit.test.example", socket_mode=False)
    assert {command["command"] for command in made["features"]["slash_commands"]} == set(COMMANDS)


def test_the_manifest_is_within_slacks_limits() -> None:
    about = yaml.safe_load(MANIFEST.read_text())["display_information"]
    assert len(about["name"]) <= 35 and len(about["description"]) <= 140
    assert 174 <= len(about["long_description"]) <= 4000


def called_methods() -> set[str]:
    """Return the methods of Slack's Web API that the product calls, by Slack's names for them."""
    known = {method.replace(".", "_"): method for method in SCOPES}
    called = set()
    for folder in ("adapters", "api", "commands", "activities"):
        for path in (ROOT / folder).rglob("*.py"):
            for name in re.findall(r"\.([a-z]+_[A-Za-z_]+)\b", path.read_text()):
                if name in known:
                    called.add(known[name])
                elif re.match(r"(chat|conversations|users|usergroups|views|auth|apps|reactions|pins|files)_", name):
                    assert not hasattr(AsyncWebClient, name), f"{path} calls {name}: add it to tests/slack_front/scopes"
    return called


def test_every_method_that_is_called_is_covered_by_a_scope_of_the_manifest_and_no_scope_is_idle() -> None:
    called = called_methods()
    assert {"chat.postMessage", "chat.postEphemeral", "views.open", "users.info"} <= called

    needed = {scope for method in called for scope in (*SCOPES[method], *KINDS.get(method, "").split())}

    assert needed <= set(bot_scopes())
    assert set(bot_scopes()) - needed == {"commands", "users:read.email"}, (
        "the slash command, and addresses in users.info"
    )

"""Whose account it is: asked of Slack, kept for some minutes, and never guessed."""

import asyncio
from typing import Any, cast

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.notifiers.slack import accounts
from adapters.notifiers.slack.accounts import Accounts
from domain.errors import NotifierUnavailable

COLLEAGUE: dict[str, Any] = {"id": "U01ANN", "team_id": "T01", "deleted": False, "is_bot": False}


class Slack:
    """Answers as it is told to, and counts how often it was asked."""

    def __init__(self, account: Any = COLLEAGUE, team: Any = "T01") -> None:
        self.account, self.team, self.asked = account, team, 0

    async def auth_test(self) -> dict[str, Any]:
        return {"team_id": self.team}

    async def users_info(self, user: str) -> dict[str, Any]:
        self.asked += 1
        if isinstance(self.account, Exception):
            raise self.account
        return {"user": self.account}


def asking(slack: Slack, clock: list[float] | None = None) -> Accounts:
    moments = clock if clock is not None else [0.0]
    return Accounts(cast(AsyncWebClient, slack), clock=lambda: moments[0])


def refusal(code: str) -> SlackApiError:
    response = type("Response", (), {"data": {"ok": False, "error": code}, "status_code": 200, "headers": {}})()
    return SlackApiError("no", response)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, None),
        ({"is_restricted": False, "is_stranger": False}, None),
        ({"deleted": True}, "deactivated"),
        ({"is_bot": True}, "bot"),
        ({"is_restricted": True}, "guest"),
        ({"is_ultra_restricted": True}, "guest"),
        ({"is_stranger": True}, "external"),
        ({"team_id": "T02"}, "external"),
        ({"team_id": None}, "external"),
        ({"team_id": "T02", "enterprise_user": {"teams": ["T01", "T02"]}}, None),
        ({"team_id": "T02", "enterprise_user": {"teams": ["T02"]}}, "external"),
        ({"team_id": "T02", "is_restricted": True}, "guest"),
    ],
)
async def test_only_an_active_colleague_of_this_workspace_may_decide(change: dict[str, Any], why: str | None) -> None:
    assert await asking(Slack({**COLLEAGUE, **change})).objection("U01ANN") == why


@pytest.mark.parametrize("code", ["user_not_found", "user_not_visible"])
async def test_an_account_that_slack_does_not_know_is_nobodys(code: str) -> None:
    assert await asking(Slack(refusal(code))).objection("U01ANN") == "unknown"


@pytest.mark.parametrize(
    "answer", [None, {}, {"deleted": "no"}, "ann", refusal("missing_scope"), refusal("internal_error"), OSError()]
)
async def test_where_slack_does_not_say_it_nothing_is_guessed_and_it_is_asked_again(answer: Any) -> None:
    slack = Slack(answer)
    known = asking(slack)

    for _ in range(2):
        with pytest.raises(NotifierUnavailable):
            await known.objection("U01ANN")

    assert slack.asked == 2


async def test_without_a_team_and_without_a_client_nothing_is_guessed() -> None:
    with pytest.raises(NotifierUnavailable):
        await asking(Slack(team=None)).objection("U01ANN")
    with pytest.raises(NotifierUnavailable, match="REMIT_SLACK_BOT_TOKEN"):
        await Accounts(None).objection("U01ANN")


async def test_an_answer_is_kept_for_some_minutes_and_no_longer() -> None:
    slack, clock = Slack(), [0.0]
    known = asking(slack, clock)
    await known.objection("U01ANN")
    slack.account = {**COLLEAGUE, "deleted": True}

    clock[0] = accounts.FRESH_SECONDS - 1
    assert await known.objection("U01ANN") is None
    assert await known.objection("U01BOB") == "deactivated"

    clock[0] = accounts.FRESH_SECONDS + 1
    assert await known.objection("U01ANN") == "deactivated"


async def test_slack_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(Slack):
        async def users_info(self, user: str) -> dict[str, Any]:
            await asyncio.Event().wait()
            return {}

    monkeypatch.setattr(accounts, "WAIT_SECONDS", 0.05)
    with pytest.raises(NotifierUnavailable, match="in time"):
        await asking(Silent()).objection("U01ANN")

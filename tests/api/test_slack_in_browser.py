"""Deciding in Slack with a real browser, on the stand-in's own page: what people see, press, type and get.

`make pictures` runs it and keeps what the browser saw for docs/reviewers.md.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, async_playwright
from playwright.async_api import TimeoutError as PlaywrightTimeout
from pydantic import HttpUrl, SecretStr

from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.api.browser import browser_path
from tests.bundles import DOCUMENT, bundle
from tests.installation import (
    Installation,
    OutsideSystem,
    prepare_database,
    running_api,
    running_worker,
    settings_for,
)
from tests.slack_workspace import strict_workspace

PICTURES = os.environ.get("REMIT_PICTURES")
NAME = "slack_browser"
TYPES = [
    {
        **kind,
        "editable": ["amount_minor", "note"],
        "roles": {"amount": "amount_minor", "recipients": ["customer"]},
        "undo": "ask the customer to pay the amount again",
    }
    if kind["id"] == "refund.create"
    else kind
    for kind in DOCUMENT["action_types"]
]
REASONING = "The parcel arrived broken and the customer sent pictures. <!channel> please approve quickly."


class Slack:
    """The stand-in's page, as one person sees it."""

    def __init__(self, page: Page, remit: Installation) -> None:
        self.page = page
        self.remit = remit

    async def act_as(self, person: str, channel: str = "finance") -> None:
        """Become somebody, and look into a channel."""
        await self.page.locator(".actas select").select_option(label=person)
        await self.page.locator(".sidebar-item", has_text=channel).first.click()

    def card(self, action: dict[str, Any]) -> Locator:
        """The card of an action."""
        return self.page.locator(".msg", has_text=action["id"]).first

    async def reads(self, action: dict[str, Any], said: str) -> None:
        """Wait until the card of an action says something."""
        await self.card(action).get_by_text(said, exact=False).first.wait_for()

    async def modal_from(self, press: Callable[[], Awaitable[object]]) -> Locator:
        """Press until a form opens: on a slow machine a click may come too late, and people are told to click again."""
        modal = self.page.locator(".modal")
        for _ in range(4):
            await press()
            with contextlib.suppress(PlaywrightTimeout):
                await modal.wait_for(timeout=8000)
                break
        await modal.wait_for(timeout=1000)
        return modal

    async def picture(self, name: str, of: Locator | None = None) -> None:
        """Keep what the browser shows, where pictures are kept."""
        if PICTURES:
            target = Path(PICTURES) / f"{name}.png"
            await (of.screenshot(path=target) if of is not None else self.page.screenshot(path=target))

    async def refund(self, **changes: Any) -> dict[str, Any]:
        """Submit a refund that somebody has to approve."""
        context = {"reasoning": REASONING, "on_behalf_of": "cem@test.example", "region": "EU"}
        arguments = {"customer": "c-7", "amount_minor": 4200, "note": "arrived broken", **changes}
        answer = await self.remit.submit(arguments, action_type="refund.create", context=context)
        assert answer.status_code == 202, answer.text
        return await self.remit.until(answer.json()["id"], "pending_approval")


@pytest.fixture(scope="module")
async def slack(shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer) -> AsyncIterator[Slack]:
    tokens = await prepare_database(shared_postgres, NAME, bundle(action_types=TYPES))
    async with contextlib.AsyncExitStack() as stack:
        crm = await stack.enter_async_context(OutsideSystem().running())
        settings = settings_for(shared_postgres, NAME, shared_temporal, crm)
        url = f"http://127.0.0.1:{settings.api_port}/slack/interactions"
        front = await stack.enter_async_context(strict_workspace(url))
        changes = {
            "slack_signing_secret": SecretStr(front.slack.signing_secret),
            "slack_bot_token": SecretStr(front.slack.bot_token),
            "slack_base_url": HttpUrl(front.url),
        }
        settings = settings.model_copy(update=changes)
        await stack.enter_async_context(running_worker(settings))
        http = await stack.enter_async_context(running_api(settings))
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        stack.push_async_callback(browser.close)
        page = await browser.new_page(viewport={"width": 1100, "height": 1150})
        page.set_default_timeout(20_000)
        await page.goto(front.slack.web_url)
        yield Slack(page, Installation(settings, shared_postgres, NAME, shared_temporal, crm, tokens, http))


async def test_pressing_approve_runs_the_action_and_the_card_says_who(slack: Slack) -> None:
    action = await slack.refund()
    await slack.act_as("Ann Approver")
    await slack.reads(action, "Medium risk.")
    await slack.picture("slack-card", slack.card(action))

    await slack.card(action).get_by_role("button", name="Approve").click()

    ended = await slack.remit.get(action["id"], wait=10)
    assert ended["state"] == "succeeded"
    assert [(vote["person"], vote["door"]) for vote in ended["approval"]["votes"]] == [("ann", "slack")]
    await slack.reads(action, "Approved and done")
    await slack.picture("slack-card-done", slack.card(action))
    assert await slack.card(action).get_by_role("button", name="Approve").count() == 0


async def test_rejecting_asks_why_and_the_reason_reaches_the_agent(slack: Slack) -> None:
    action = await slack.refund(amount_minor=4300)
    await slack.act_as("Bob Approver")
    await slack.reads(action, "Medium risk.")

    modal = await slack.modal_from(slack.card(action).get_by_role("button", name="Reject").click)
    await modal.locator("input, textarea").first.fill("The pictures show another parcel.")
    await slack.picture("slack-reject", modal)
    await modal.get_by_role("button", name="Reject").click()

    ended = await slack.remit.get(action["id"], wait=10)
    assert ended["state"] == "rejected"
    assert ended["approval"]["votes"][0]["reason"] == "The pictures show another parcel."
    await slack.reads(action, "The pictures show another parcel.")
    await slack.picture("slack-card-rejected", slack.card(action))


async def test_editing_in_slack_makes_a_revision_that_others_are_asked_about(slack: Slack) -> None:
    action = await slack.refund(amount_minor=4400)
    await slack.act_as("Ann Approver")
    await slack.reads(action, "Medium risk.")

    modal = await slack.modal_from(lambda: slack.card(action).locator("select").select_option(label="Edit"))
    await modal.locator(".bk-input", has_text="amount_minor").locator("input").fill("2200")
    await slack.picture("slack-edit", modal)
    await modal.locator(".modal-btn.primary").click()
    await modal.get_by_text("2200").first.wait_for()
    await slack.picture("slack-edit-difference", modal)
    await modal.locator(".modal-btn.primary").click()

    await slack.reads(action, "2200")
    async with asyncio.timeout(20):
        while (await slack.remit.get(action["id"]))["revision"]["number"] != 2:
            await asyncio.sleep(0.1)
    await slack.picture("slack-card-revision", slack.card(action))
    await slack.act_as("Bob Approver")
    await slack.card(action).get_by_role("button", name="Approve").click()

    ended = await slack.remit.get(action["id"], wait=10)
    assert ended["state"] == "succeeded"
    assert ended["revision"]["arguments"]["amount_minor"] == 2200


async def test_home_shows_what_waits_for_me(slack: Slack) -> None:
    action = await slack.refund(amount_minor=4500)
    await slack.act_as("Bob Approver")

    await slack.page.locator(".sidebar-item", has_text="remit").click()
    await slack.page.get_by_text("You may decide 1 request").first.wait_for()
    await slack.picture("slack-home", slack.page.locator("main"))

    # The stand-in's page says of a button on Home that it stands on a message, so pressing is tested elsewhere.
    link = slack.page.get_by_role("link", name="Refund a customer").first
    assert (await link.get_attribute("href") or "").endswith(f"/review/{action['id']}")

"""Editing and returning on the review page in a real browser with JavaScript switched off."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.api.test_review_in_browser import page
from tests.editing import BUNDLE, answered, order
from tests.installation import Installation, installed

__all__ = ["page"]


@pytest.fixture(scope="module")
async def remit(shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer) -> AsyncIterator[Installation]:
    async with installed(shared_postgres, shared_temporal, "browser_edits", BUNDLE) as installation:
        yield installation


async def picture(page: Page, name: str) -> None:
    """Take a picture of the whole page where REMIT_PICTURES names a folder for them."""
    if folder := os.environ.get("REMIT_PICTURES"):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


async def open_as(remit: Installation, page: Page, who: str, action_id: str) -> None:
    await page.context.clear_cookies()
    await page.goto(f"{str(remit.settings.public_url).rstrip('/')}/review/{action_id}")
    await page.get_by_label("Reviewer token").fill(remit.tokens[who])
    await page.get_by_role("button", name="Sign in").click()


async def test_a_reviewer_edits_asks_and_a_colleague_approves_what_was_written(remit: Installation, page: Page) -> None:
    action = await order(remit, message="Please deliver\nbefore noon.")
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    decision = page.get_by_role("complementary", name="Decision")

    await open_as(remit, page, "ann", action["id"])
    await page.get_by_role("button", name="Return with questions").click()  # the browser asks for the questions
    await expect(page.get_by_label("Reason")).to_be_focused()
    await page.get_by_label("Reason").fill("Is the gift wrapping paid for?")
    await page.get_by_role("button", name="Return with questions").click()
    await expect(page.get_by_role("status")).to_contain_text("Your questions went to the agent")
    await expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    await expect(decision).to_contain_text("The agent has not answered yet.")
    await picture(page, "returned")
    assert (await answered(remit, action, "It is not; take the tag away.")).status_code == 200

    await page.reload()
    await expect(decision).to_contain_text("It is not; take the tag away.")
    await page.get_by_text("Edit the fields that may be changed").click()
    await page.get_by_label("tags").fill("new")
    await page.get_by_label("express").select_option(label="yes")
    await page.get_by_label("lines › [1] › count").fill("three")
    await page.get_by_label("Why you change it").fill("No gift wrapping.")
    await page.get_by_role("button", name="Make this the revision").click()
    await expect(page.get_by_role("alert")).to_contain_text("'three' is not a number")
    await expect(page.get_by_label("tags")).to_have_value("new")
    await picture(page, "edit-refused")
    await page.get_by_label("lines › [1] › count").fill("3")
    await page.get_by_role("button", name="Make this the revision").click()

    await expect(page.get_by_role("status")).to_contain_text("Your edit was made")
    changes = page.get_by_role("table", name="What it changed")
    await expect(changes.get_by_role("row")).to_have_count(4)
    await expect(changes).to_contain_text("lines[1].count")
    await picture(page, "edited")

    await open_as(remit, page, "bob", action["id"])
    await page.get_by_text("Hand it on, or change when").click()
    await picture(page, "handing-on")
    await page.get_by_label("Hand it to").select_option("olga")
    await page.get_by_role("button", name="Hand it on").click()
    await expect(decision).to_contain_text("Olga Owner")
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_role("status")).to_contain_text("Your vote to approve counts")
    ran = await remit.until(action["id"], "succeeded")
    assert ran["revision"]["arguments"] == {
        **action["revision"]["arguments"],
        "tags": ["new"],
        "express": True,
        "lines": [{"sku": "A", "count": 1}, {"sku": "B", "count": 3}],
    }
    assert [problem for problem in problems if "422" not in problem] == [], "the refused edit alone is told so"

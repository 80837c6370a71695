"""The review page in a real browser with JavaScript switched off."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from tests.api.browser import opened_page
from tests.installation import Installation

HOSTILE = "Refund \u202e000.01 RUE\u202c <script>document.title = 'owned'</script><img src=x onerror=alert(1)>"


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with opened_page() as opened:
        yield opened


async def test_a_reviewer_signs_in_reads_a_hostile_action_and_rejects_it_with_a_reason(
    remit: Installation, page: Page
) -> None:
    action = await remit.refund(5000, context={"prompt": HOSTILE})
    problems: list[str] = []
    # The browser reports a style or script that the security policy blocks as an error.
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    await page.goto(f"{str(remit.settings.public_url).rstrip('/')}/review/{action['id']}")

    await page.get_by_label("Reviewer token").fill(remit.tokens["ann"])
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(f"{remit.settings.public_url}review/{action['id']}")
    await expect(page).to_have_title("refund.create · Remit")
    await expect(page.get_by_role("complementary", name="Decision")).to_contain_text("Your decision")
    claim = page.get_by_label("It was asked, in the agent's words")
    await expect(claim).to_contain_text("U+202E000.01 RUEU+202C <script>document.title")
    assert await claim.locator("script, img").count() == 0

    await page.get_by_role("button", name="Reject").click()  # the browser asks for the reason and sends nothing
    await expect(page.get_by_label("Reason")).to_be_focused()
    await page.get_by_label("Reason").fill("The amount is written backwards.")
    await page.get_by_role("button", name="Reject").click()

    await expect(page.get_by_role("status")).to_contain_text("Your vote to reject counts")
    await expect(page.get_by_role("complementary", name="Decision")).to_contain_text("Decision: rejected")
    await expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    rejected = await remit.get(action["id"])
    assert (rejected["state"], rejected["approval"]["votes"][0]["reason"]) == (
        "rejected",
        "The amount is written backwards.",
    )
    assert remit.crm.of(action["id"]) == []
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("heading", name="Sign in to review")).to_be_visible()
    assert problems == []

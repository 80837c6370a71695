"""Signing in anew at a provider, and approving, in a real browser with JavaScript switched off."""

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from pydantic import SecretStr

from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.api.browser import opened_page
from tests.bundles import DOCUMENT, bundle
from tests.installation import Installation, installed
from tests.sign_in_provider import CLIENT_ID, CLIENT_SECRET, SignInProvider, running_sign_in_provider

PICTURES = os.environ.get("REMIT_TEST_PICTURES", "")
"""A folder for pictures of what the browser shows; empty for none."""


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with opened_page() as opened:
        yield opened


@pytest.fixture(scope="module")
async def provider() -> AsyncIterator[SignInProvider]:
    async with running_sign_in_provider() as running:
        yield running


@pytest.fixture(scope="module")
async def remit(
    shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer, provider: SignInProvider
) -> AsyncIterator[Installation]:
    approvals = [{**rule, "quorum": 1, "step_up": ["high"]} for rule in DOCUMENT["approvals"]]
    async with installed(
        shared_postgres,
        shared_temporal,
        "sign_in_browser",
        bundle(approvals=approvals),
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=SecretStr(CLIENT_SECRET),
    ) as installation:
        yield installation


async def picture(page: Page, name: str) -> None:
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


async def test_a_reviewer_signs_in_at_the_provider_and_again_to_approve_high_risk(
    remit: Installation, provider: SignInProvider, page: Page
) -> None:
    action = await remit.refund(250_000)
    address = f"{remit.settings.public_url}review/{action['id']}"
    claims = {"email": "ann@test.example", "email_verified": True}
    problems: list[str] = []
    await page.goto(address)
    await picture(page, "sign-in")

    async def sign_in_there(link: str) -> None:
        await page.get_by_role("link", name=link).click()
        await expect(page.get_by_role("heading", name="Authorize Client")).to_be_visible()
        await page.get_by_placeholder("sub").fill("u-ann")
        await page.get_by_role("button", name="Authorize").click()
        await expect(page).to_have_url(address)

    await provider.says("u-ann", **claims)
    await sign_in_there("Sign in with your organisation's account")
    # From here on: a provider's page may load what it likes, ours may not.
    page.on(
        "console", lambda said: problems.append(said.text) if said.type == "error" and address in page.url else None
    )
    await expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    await expect(page.get_by_role("button", name="Reject")).to_be_visible()
    await picture(page, "step-up-needed")

    await provider.says("u-ann", **claims, auth_time=int(time.time()))
    await sign_in_there("Sign in again to approve")
    await expect(page.get_by_role("complementary", name="Decision")).to_contain_text("You signed in anew.")
    await picture(page, "stepped-up")
    await page.get_by_role("button", name="Approve").click()

    await expect(page.get_by_role("status")).to_contain_text("Your vote to approve counts")
    await picture(page, "approved")
    await remit.until(action["id"], "succeeded")
    assert [effect.body["amount_minor"] for effect in remit.crm.of(action["id"])] == [250_000]
    assert problems == []

"""Signing in by a sign-in provider, at first and anew: a whole installation, and a provider that others wrote."""

import contextlib
import re
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from pydantic import HttpUrl, SecretStr, ValidationError

from adapters.database.connection import open_pool
from adapters.database.tokens import Sessions
from local.postgres import EmbeddedPostgres
from local.processes import free_port
from local.temporal import TemporalServer
from settings import Settings
from tests.api.pages import Browser, Page, signed_in, visitor
from tests.bundles import DOCUMENT, bundle
from tests.installation import Installation, installed, running_api
from tests.sign_in_provider import CLIENT_ID, CLIENT_SECRET, SignInProvider, running_sign_in_provider

ANN = {"email": "ann@test.example", "email_verified": True}
LARGE = 250_000
STEP_UP = [
    {**rule, "quorum": 1, "step_up": ["high"]} if rule["id"] == "two" else rule for rule in DOCUMENT["approvals"]
]


@pytest.fixture(scope="module")
async def provider() -> AsyncIterator[SignInProvider]:
    async with running_sign_in_provider() as running:
        yield running


@pytest.fixture(scope="module")
async def remit(
    shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer, provider: SignInProvider
) -> AsyncIterator[Installation]:
    """An installation whose people sign in by a provider, and approve high risk only after they did so anew."""
    async with installed(
        shared_postgres,
        shared_temporal,
        "sign_in",
        bundle(approvals=STEP_UP),
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=SecretStr(CLIENT_SECRET),
    ) as installation:
        yield installation


@pytest.fixture
async def browser(remit: Installation) -> AsyncIterator[Browser]:
    opened = visitor(remit)
    yield opened
    await opened.http.aclose()


@contextlib.asynccontextmanager
async def another_api(remit: Installation, **changed: Any) -> AsyncIterator[Browser]:
    """Run a second API of the same installation with other settings, and open a browser at it."""
    port = free_port()
    there = {"api_port": port, "public_url": HttpUrl(f"http://127.0.0.1:{port}"), **changed}
    async with running_api(remit.settings.model_copy(update=there)) as http:
        http.timeout = httpx.Timeout(30)
        yield Browser(http)


async def begin(browser: Browser, path: str = "/review/oidc") -> str:
    """Follow the page's link to the provider and return the address there."""
    answer = await browser.http.get(path)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


async def enter(browser: Browser, provider: SignInProvider, claims: dict[str, Any], path: str = "/review/oidc") -> Page:
    """Sign in by the provider as somebody of whom it says these claims, and return the page that this leads to."""
    await provider.says("u-1", **claims)
    return await browser.get(await provider.sign_in(await begin(browser, path), "u-1"))


def now() -> int:
    return int(time.time())


def anew(action: dict[str, Any]) -> str:
    return f"/review/oidc?{urlencode({'next': '/review/' + action['id'], 'fresh': 'true'})}"


def is_signed_in(page: Page) -> bool:
    return page.has_form("/sign-out")


# Signing in


async def test_a_person_signs_in_by_the_provider_and_comes_to_the_page_they_wanted(
    remit: Installation, provider: SignInProvider, browser: Browser
) -> None:
    action = await remit.refund(5000)
    asked = await browser.get(f"/review/{action['id']}")
    link = re.search(r'href="(/review/oidc[^"]*)"', asked.source)
    assert link is not None

    address = await begin(browser, link[1])
    await provider.says("u-1", **ANN)
    page = await browser.get(await provider.sign_in(address, "u-1"))

    assert page.url.path == f"/review/{action['id']}"
    assert "Ann Approver" in page.text
    query = parse_qs(urlsplit(address).query)
    assert (query["response_type"], query["client_id"]) == (["code"], [CLIENT_ID])
    assert (query["code_challenge_method"], query["scope"]) == (["S256"], ["openid email profile"])
    assert query["redirect_uri"] == [f"{remit.settings.public_url}review/oidc/callback"]
    assert all(len(query[name][0]) >= 43 for name in ("state", "nonce", "code_challenge"))
    assert "prompt" not in query


async def test_two_sign_ins_share_no_secret(browser: Browser) -> None:
    first, second = [parse_qs(urlsplit(await begin(browser)).query) for _ in range(2)]

    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]


async def test_the_cookie_of_a_sign_in_is_for_the_way_back_alone_and_goes_then(
    provider: SignInProvider, browser: Browser
) -> None:
    answer = await browser.http.get("/review/oidc")
    cookie = answer.headers["Set-Cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/review/oidc", "max-age=600"))

    await provider.says("u-1", **ANN)
    await browser.get(await provider.sign_in(answer.headers["Location"], "u-1"))

    assert "remit_sign_in" not in browser.http.cookies


async def test_the_cookies_go_over_https_only_where_the_page_does(remit: Installation) -> None:
    async with another_api(remit, public_url=HttpUrl("https://remit.test.example")) as browser:
        answer = await browser.http.get("/review/oidc")

    assert "secure" in answer.headers["Set-Cookie"].lower()
    assert parse_qs(urlsplit(answer.headers["Location"]).query)["redirect_uri"] == [
        "https://remit.test.example/review/oidc/callback"
    ]


async def test_signing_in_makes_a_new_session_and_ends_the_one_that_somebody_may_have_planted(
    remit: Installation, provider: SignInProvider
) -> None:
    browser = await signed_in(remit, "out")
    planted = browser.http.cookies["remit_review"]
    form = (await browser.get("/review")).form("/sign-out")

    page = await enter(browser, provider, ANN)
    late = await browser.post(form, follow=False)

    assert "Ann Approver" in page.text
    assert browser.http.cookies["remit_review"] != planted
    assert late.status_code == 403  # the form was made for the session before
    stranger = visitor(remit)
    stranger.http.cookies.set("remit_review", planted, path="/review")
    assert not is_signed_in(await stranger.get("/review"))
    await browser.http.aclose()
    await stranger.http.aclose()


async def test_tokens_go_on_to_sign_people_in(remit: Installation) -> None:
    browser = await signed_in(remit, "ann")

    assert is_signed_in(await browser.get("/review"))
    await browser.http.aclose()


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/review/../../evil",
        "/review@evil.example",
        "/review/sign-out",
        "/review?x=//evil.example",
        "javascript:alert(1)",
        f"/review/{'a' * 32}\n//evil.example",
        "/review/oidc?next=/review",
    ],
)
async def test_no_address_leads_anywhere_else_after_signing_in(
    provider: SignInProvider, browser: Browser, wanted: str
) -> None:
    await provider.says("u-1", **ANN)
    back = await provider.sign_in(await begin(browser, f"/review/oidc?{urlencode({'next': wanted})}"), "u-1")

    answer = await browser.http.get(back)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/review")


# Whoever the provider does not vouch for


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({**ANN, "nonce": "of-another-sign-in"}, "ID token does not count"),
        ({**ANN, "exp": 1_700_000_000}, "ID token does not count"),
        ({**ANN, "iss": "https://evil.example"}, "ID token does not count"),
        ({**ANN, "aud": "another-application"}, "ID token does not count"),
        ({**ANN, "azp": "another-application"}, "made for another application"),
        ({**ANN, "email_verified": False}, "does not vouch for the address"),
        ({"email": "ann@test.example"}, "does not vouch for the address"),
        ({"email": "eve@evil.example", "email_verified": True}, "not a person of the active policy"),
        ({"name": "Ann Approver"}, "did not say your"),
    ],
)
async def test_claims_that_do_not_count_sign_nobody_in(
    provider: SignInProvider, browser: Browser, claims: dict[str, Any], said: str
) -> None:
    page = await enter(browser, provider, claims)

    assert (page.status, is_signed_in(page)) == (403, False)
    assert said in page.notice()
    assert "remit_review" not in browser.http.cookies


async def test_a_claim_that_the_settings_name_is_compared_with_the_ids_of_people(
    remit: Installation, provider: SignInProvider
) -> None:
    async with another_api(remit, oidc_person_claim="staff_id") as browser:
        refused = await enter(browser, provider, {**ANN, "staff_id": "nobody"})
        page = await enter(browser, provider, {**ANN, "staff_id": "bob"})

    assert refused.status == 403
    assert "Bob Approver" in page.text


async def test_a_wrong_state_is_refused_and_does_not_use_the_sign_in_up(
    provider: SignInProvider, browser: Browser
) -> None:
    await provider.says("u-1", **ANN)
    back = await provider.sign_in(await begin(browser), "u-1")
    forged = re.sub(r"state=[^&]+", "state=forged", back)

    refused, missing = await browser.get(forged), await browser.get(re.sub(r"&?state=[^&]+", "", back))

    assert (refused.status, missing.status) == (403, 403)
    assert "not begun in this browser" in refused.notice()
    assert is_signed_in(await browser.get(back))


async def test_nobody_can_be_made_to_sign_in_with_the_code_of_somebody_else(
    remit: Installation, provider: SignInProvider, browser: Browser
) -> None:
    attacker = visitor(remit)
    await provider.says("u-1", **ANN)
    back = await provider.sign_in(await begin(attacker), "u-1")

    at_once = await browser.get(back)
    await begin(browser)
    while_signing_in = await browser.get(back)

    assert (at_once.status, while_signing_in.status) == (403, 403)
    assert "remit_review" not in browser.http.cookies
    await attacker.http.aclose()


async def test_a_sign_in_is_finished_once_and_a_code_is_used_once(
    remit: Installation, provider: SignInProvider, browser: Browser
) -> None:
    await provider.says("u-1", **ANN)
    kept = (await browser.http.get("/review/oidc")).headers["Location"]
    cookie = browser.http.cookies.get("remit_sign_in")
    assert cookie is not None
    back = await provider.sign_in(kept, "u-1")
    assert is_signed_in(await browser.get(back))

    thief = visitor(remit)
    thief.http.cookies.set("remit_sign_in", cookie, path="/review/oidc")
    replayed = await thief.get(back)
    state = parse_qs(urlsplit(await begin(thief)).query)["state"][0]
    injected = await thief.get(re.sub(r"state=[^&]+", f"state={state}", back))

    assert (replayed.status, injected.status) == (403, 403)
    assert "finished before" in replayed.notice()
    assert "does not take the code" in injected.notice()
    await thief.http.aclose()


async def test_a_sign_in_that_took_too_long_is_begun_again(
    remit: Installation, provider: SignInProvider, browser: Browser
) -> None:
    await provider.says("u-1", **ANN)
    back = await provider.sign_in(await begin(browser), "u-1")
    owner = await open_pool(SecretStr(remit.postgres.url("remit_owner", remit.database)), 2)
    await owner.execute("UPDATE oidc_sign_in SET expires_at = now() - interval '1 second'")
    await owner.close()

    page = await browser.get(back)

    assert (page.status, "took too long" in page.notice()) == (403, True)


async def test_somebody_who_turns_back_at_the_provider_is_told_so(browser: Browser) -> None:
    state = parse_qs(urlsplit(await begin(browser)).query)["state"][0]

    page = await browser.get(f"/review/oidc/callback?{urlencode({'state': state, 'error': 'access_denied<b>'})}")

    assert (page.status, "did not sign you in (access_denied<b>)" in page.notice()) == (403, True)
    assert "<b>)" not in page.source


async def test_the_way_back_takes_no_forms_and_no_long_texts(browser: Browser) -> None:
    posted = await browser.http.post("/review/oidc/callback", data={"code": "x"})
    long = await browser.http.get("/review/oidc/callback", params={"state": "s" * 201, "code": "x"})

    assert (posted.status_code, long.status_code) == (405, 422)


# A provider that does not answer


async def test_a_provider_that_is_down_is_a_clear_page_and_tokens_go_on(remit: Installation) -> None:
    async with another_api(remit, oidc_issuer=f"http://127.0.0.1:{free_port()}") as browser:
        page = await browser.get("/review/oidc")
        form = (await browser.get("/review/sign-in")).form("/sign-in")
        inbox = await browser.send(form, token=remit.tokens["ann"])

    assert page.status == 503
    assert "The sign-in provider does not answer" in page.text.replace("the sign-in", "The sign-in")
    assert is_signed_in(inbox)


async def test_a_provider_that_goes_down_meanwhile_signs_nobody_in(remit: Installation) -> None:
    async with (
        running_sign_in_provider() as failing,
        another_api(remit, oidc_issuer=failing.issuer) as browser,
    ):
        await failing.says("u-1", **ANN)
        back = await failing.sign_in(await begin(browser), "u-1")
        await failing.stop()
        page = await browser.get(back)

    assert (page.status, is_signed_in(page)) == (503, False)


async def test_a_provider_that_calls_itself_otherwise_is_not_believed(
    remit: Installation, provider: SignInProvider
) -> None:
    async with another_api(remit, oidc_issuer=f"{provider.issuer}/") as browser:
        page = await browser.get("/review/oidc")

    assert (page.status, "precisely the same way" in page.text) == (503, True)


async def test_a_wrong_client_secret_is_said_to_be_the_admins_business(
    remit: Installation, provider: SignInProvider
) -> None:
    async with another_api(remit, oidc_client_secret=SecretStr("wrong")) as browser:
        page = await enter(browser, provider, ANN)

    assert (page.status, "REMIT_OIDC_CLIENT_SECRET" in page.text) == (503, True)
    assert "wrong" not in page.text


# Approving only after signing in anew


async def test_an_approval_of_high_risk_counts_after_signing_in_anew(
    remit: Installation, provider: SignInProvider, browser: Browser
) -> None:
    action = await remit.refund(LARGE)
    before = await enter(browser, provider, ANN, f"/review/oidc?next=/review/{action['id']}")
    link = re.search(r'href="(/review/oidc[^"]*fresh=true)"', before.source)
    assert link is not None
    assert 'value="approve"' not in before.source

    path = link[1].replace("&amp;", "&")
    query = parse_qs(urlsplit(await begin(browser, path)).query)
    after = await enter(browser, provider, {**ANN, "auth_time": now()}, path)
    assert (query["prompt"], query["max_age"]) == (["login"], ["0"])
    assert "You signed in anew. You can approve until" in after.text
    page = await browser.send(after.form("/votes"), decision="approve")

    assert "Your vote to approve counts" in page.notice()
    assert (await remit.until(action["id"], "succeeded"))["approval"]["outcome"] == "approved"


async def test_signing_in_as_always_is_not_signing_in_anew(
    remit: Installation, provider: SignInProvider, browser: Browser
) -> None:
    action = await remit.refund(LARGE)
    page = await enter(browser, provider, {**ANN, "auth_time": now()}, f"/review/oidc?next=/review/{action['id']}")

    answer = await browser.send(page.form("/votes"), decision="approve")

    assert "You have to sign in again to approve this" in answer.notice()
    assert (await remit.get(action["id"]))["approval"]["votes"] == []
    refused = [entry for entry in await remit.entries(action["id"]) if entry["kind"] == "vote.refused"]
    assert [entry["data"]["code"] for entry in refused] == ["step_up_required"]


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"auth_time": 1_700_000_000}, "did not ask you to sign in again"),
        ({"auth_time": 9_700_000_000}, "did not ask you to sign in again"),
        ({"auth_time": "just now"}, "did not say when you signed in"),
        ({"auth_time": None}, "did not say when you signed in"),
    ],
)
async def test_a_sign_in_that_was_not_new_steps_nobody_up(
    remit: Installation, provider: SignInProvider, browser: Browser, claims: dict[str, Any], said: str
) -> None:
    action = await remit.refund(LARGE)

    page = await enter(browser, provider, {**ANN, **claims}, anew(action))

    assert (page.status, said in page.notice()) == (403, True)
    assert not is_signed_in(page)


async def test_a_new_sign_in_wears_off(remit: Installation, provider: SignInProvider, browser: Browser) -> None:
    action = await remit.refund(LARGE)
    page = await enter(browser, provider, {**ANN, "auth_time": now() - 290}, anew(action))
    assert 'value="approve"' in page.source
    session = browser.http.cookies["remit_review"]
    pool = await open_pool(remit.settings.database_url, 2)
    found = await Sessions(pool).find(session, datetime.now(UTC))
    await pool.execute("UPDATE review_session SET stepped_up_at = stepped_up_at - interval '1 minute'")
    await pool.close()

    late = await browser.send(page.form("/votes"), decision="approve")

    assert found is not None
    assert found.stepped_up_at is not None
    assert "You have to sign in again to approve this" in late.notice()
    assert 'value="approve"' not in late.source


async def test_a_rejection_needs_no_new_sign_in(
    remit: Installation, provider: SignInProvider, browser: Browser
) -> None:
    action = await remit.refund(LARGE)
    page = await enter(browser, provider, ANN, f"/review/oidc?next=/review/{action['id']}")

    answer = await browser.send(page.form("/votes"), decision="reject", reason="too much")

    assert "Your vote to reject counts" in answer.notice()


async def test_lower_tiers_ask_for_no_new_sign_in(
    remit: Installation, provider: SignInProvider, browser: Browser
) -> None:
    action = await remit.refund(5000)
    page = await enter(browser, provider, ANN, f"/review/oidc?next=/review/{action['id']}")

    answer = await browser.send(page.form("/votes"), decision="approve")

    assert "Your vote to approve counts" in answer.notice()


async def test_an_approval_by_token_is_refused_with_the_way_to_the_page(remit: Installation) -> None:
    action = await remit.refund(LARGE)

    answer = await remit.vote(action, "ann")

    assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required")
    assert f"{remit.settings.public_url}review/{action['id']}" in answer.json()["detail"]


async def test_without_a_provider_nobody_can_approve_what_asks_for_it_and_everybody_is_told_why(
    remit: Installation, provider: SignInProvider
) -> None:
    action = await remit.refund(LARGE)
    nobody = {"oidc_issuer": None, "oidc_client_id": None, "oidc_client_secret": None}
    async with another_api(remit, **nobody) as browser:
        form = (await browser.get("/review/sign-in")).form("/sign-in")
        await browser.send(form, token=remit.tokens["ann"])
        pool = await open_pool(remit.settings.database_url, 2)
        await pool.execute("UPDATE review_session SET stepped_up_at = now()")  # from before the provider was removed
        await pool.close()
        page = await browser.get(f"/review/{action['id']}")
        forced = await browser.send(page.form("/votes"), decision="approve")
        body = {"decision": "approve", "revision": action["revision"]["digest"]}
        by_token = await browser.http.post(f"/v1/actions/{action['id']}/votes", json=body, headers=remit.client("bob"))
        ready = await browser.http.get("/readyz")
        missing = await browser.get("/review/oidc")

    told = (
        "no sign-in provider is set up, so nobody can approve it from anywhere: an admin has to set REMIT_OIDC_ISSUER"
    )
    assert told in page.text
    assert 'value="approve"' not in page.source
    assert "You have to sign in again to approve this" in forced.notice()
    assert (by_token.status_code, told in by_token.json()["detail"]) == (403, True)
    assert (ready.status_code, told in ready.json()["step_up"]) == (200, True)
    assert "'two'" in ready.json()["step_up"]
    assert missing.status == 404
    assert (await remit.get(action["id"]))["approval"]["votes"] == []


async def test_with_a_provider_the_installation_is_ready(remit: Installation) -> None:
    assert (await remit.http.get("/readyz")).json()["step_up"] == "ok"


# Settings


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"oidc_issuer": "https://id.test.example"}, "go together"),
        ({"oidc_client_id": "remit"}, "go together"),
        ({"oidc_issuer": "http://id.test.example", "oidc_client_id": "remit"}, "https://"),
        ({"oidc_issuer": "https://id.test.example/?tenant=1", "oidc_client_id": "remit"}, "without"),
        ({"step_up_max_age_seconds": 7200}, "less than or equal to 3600"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings(_env_file=None, **given)

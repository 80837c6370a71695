"""The review page against a whole installation: what a reviewer sees, and what a stranger cannot do."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from adapters.database.administration import activate_bundle
from adapters.database.connection import open_pool
from adapters.database.tokens import Sessions
from api.review_receipt import REFUSED
from api.review_text import visible
from domain.errors import RefusalCode
from local.postgres import EmbeddedPostgres
from local.processes import free_port
from local.temporal import TemporalServer
from tests.api.pages import Browser, Form, Page, signed_in, visitor
from tests.bundles import DOCUMENT, bundle
from tests.installation import Installation, installed, running_api

HOSTILE = '\u202egnp.exe\u202c <script>alert(1)</script> "quoted" \u200b\U000e0041'
UNKNOWN = "0" * 32


@pytest.fixture(scope="module")
async def remit(shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer) -> AsyncIterator[Installation]:
    """An installation of these tests' own, so that its inboxes hold only what they put there."""
    ui = "http://127.0.0.1:8233"
    async with installed(shared_postgres, shared_temporal, "review", temporal_ui_url=ui) as installation:
        yield installation


@pytest.fixture
async def stranger(remit: Installation) -> AsyncIterator[Browser]:
    browser = visitor(remit)
    yield browser
    await browser.http.aclose()


@pytest.fixture
async def ann(remit: Installation) -> AsyncIterator[Browser]:
    browser = await signed_in(remit, "ann")
    yield browser
    await browser.http.aclose()


@pytest.fixture
async def bob(remit: Installation) -> AsyncIterator[Browser]:
    browser = await signed_in(remit, "bob")
    yield browser
    await browser.http.aclose()


async def new_link(remit: Installation, person: str, lifetime: timedelta = timedelta(hours=1)) -> str:
    pool = await open_pool(remit.settings.database_url, 2)
    code = await Sessions(pool).create_link(person, datetime.now(UTC) + lifetime)
    await pool.close()
    return code


async def votes_of(remit: Installation, action_id: str) -> list[tuple[str, str]]:
    """Return decision and person of each vote that counts."""
    votes = (await remit.get(action_id))["approval"]["votes"]
    return [(vote["decision"], vote["person"]) for vote in votes]


# What a reviewer reads


async def test_the_action_page_shows_everything_a_decision_needs(remit: Installation, ann: Browser) -> None:
    context = {
        "prompt": "refund invoice 2291",
        "output": "I refund it",
        "reasoning": "it was charged twice",
        "on_behalf_of": "cem@test.example",
        "region": "EU",
        "session_id": "s-17",
    }
    action = await remit.refund(250_000, context=context)

    page = await ann.get(f"/review/{action['id']}")

    assert page.status == 200
    for part in (
        "Refund a customer",
        "high risk",
        "amount_minor 250000 number",
        "customer c-1 text",
        '{ "amount_minor": 250000, "customer": "c-1" }',
        action["revision"]["digest"],
        "money leaves the company fin.refund",
        "more than 1000.00 fin.large",
        "financial 5 of 5",
        "content 0 of 5",
        "privacy 0 of 5",
        "operational 0 of 5",
        "regulatory 0 of 5",
        f"1 {action['assessment']['policy']['digest']}",
        "Clerk clerk",
        "Olga Owner olga",
        "Customer support support",
        "On behalf ofcem@test.example agent's claim",
        "RegionEU agent's claim",
        "Sessions-17 agent's claim",
        "It was asked agent's claim refund invoice 2291",
        "It answered agent's claim I refund it",
        "It reasons agent's claim it was charged twice",
        "0 of 2; one rejection ends it",
        "Askedfinance",
        "h 59 min left",
        "cannot be undone",
        "action.requested agent clerk via api",
        "approval.requested system remit via workflow",
    ):
        assert part in page.text, part
    assert f'href="{action["links"]["temporal"]}"' in page.source
    assert '<html lang="en">' in page.source


async def test_hidden_characters_and_markup_of_an_agent_are_shown_and_never_rendered(
    remit: Installation, ann: Browser
) -> None:
    context = dict.fromkeys(("prompt", "output", "reasoning"), HOSTILE) | {
        "on_behalf_of": "x\u2066y",
        "region": "\u200fEU",
    }
    arguments = {"customer": "c-1", "amount_minor": 5000, "note": HOSTILE}
    answer = await remit.submit(arguments, action_type="refund.create", context=context)
    action = await remit.until(answer.json()["id"], "pending_approval")

    pages = [await ann.get(f"/review/{action['id']}"), await ann.get("/review")]

    for page in pages:
        assert not re.search("[\u200b\u202a-\u202e\u2066-\u2069\u200f\U000e0041]", page.source)
        assert "<script" not in page.source.lower()
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.source
        assert '<b class="hidden">U+202E</b>gnp.exe<b class="hidden">U+202C</b>' in page.source
        assert '<b class="hidden">U+200B</b><b class="hidden">U+E0041</b>' in page.source
    assert 'x<b class="hidden">U+2066</b>y' in pages[0].source


def test_every_kind_of_hidden_character_becomes_a_marker_and_readable_text_stays() -> None:
    for (
        hidden
    ) in "\x00\x1b\x7f\x85\r\u00ad\u034f\u061c\u115f\u200d\u2028\u2060\u3164\ufe0f\ufeff\ufff9\U000e0100\ue000":
        assert visible(f"a{hidden}b") == f'a<b class="hidden">U+{ord(hidden):04X}</b>b'
    assert visible("Grüße, 日本語, 😀\n\ttab\r\nline") == "Grüße, 日本語, 😀\n\ttab\nline"
    assert visible("\u200b" * 5000).endswith('<b class="hidden">and 4992 more hidden characters</b>')


async def test_a_table_that_would_be_too_long_says_so_and_the_json_is_whole(remit: Installation, ann: Browser) -> None:
    numbers = list(range(1000))
    mail = {
        "to": "a@test.example",
        "subject": "s",
        "body": "guaranteed",
        "numbers": numbers,
        "nested": {"a": [{}, None]},
    }
    answer = await remit.submit(mail, action_type="mail.send")
    action = await remit.until(answer.json()["id"], "pending_approval")

    page = await ann.get(f"/review/{action['id']}")

    assert "The table shows the first 200 of 1005 fields" in page.text
    assert page.source.count("<tr>") == 201
    assert "998, 999 ]" in page.text
    inbox = await ann.get("/review")
    assert "and 1001 more" in inbox.text


async def test_the_inbox_puts_what_the_person_can_decide_first_and_the_soonest_deadline_on_top(
    remit: Installation, ann: Browser
) -> None:
    later = await remit.refund(1111)
    sooner = await remit.refund(222_222)
    own = await remit.refund(3333, context={"on_behalf_of": "ann"})

    page = await ann.get("/review")

    mine, rest = page.source.split('id="others"')
    assert mine.index(sooner["id"]) < mine.index(later["id"])
    assert own["id"] not in mine and own["id"] in rest
    assert "(Ann Approver: the agent acts on their behalf)" in page.text
    assert "money leaves the company" in page.text and "amount_minor 1111" in page.text


async def test_the_inbox_of_somebody_who_is_not_asked_is_empty(remit: Installation) -> None:
    action = await remit.refund(4444)
    outsider = await signed_in(remit, "out")

    page = await outsider.get("/review")

    assert "Nothing waits for you" in page.text and action["id"] not in page.source
    await outsider.http.aclose()


async def test_a_decided_action_leaves_the_waiting_list_and_stands_under_decided(
    remit: Installation, ann: Browser
) -> None:
    action = await remit.refund(5555)
    await ann.vote(action["id"], "reject", "not ours")

    page = await ann.get("/review")

    waiting, decided = page.source.split('id="decided"')
    assert action["id"] not in waiting and action["id"] in decided


# Voting


async def test_an_approval_on_the_page_counts_and_the_action_runs_once(remit: Installation, ann: Browser) -> None:
    action = await remit.refund()

    page = await ann.vote(action["id"], "approve", "checked")

    assert (page.status, page.url.path) == (200, f"/review/{action['id']}")
    assert page.notice().startswith("Your vote to approve counts The action is approved")
    assert (await remit.get(action["id"], wait=10))["state"] == "succeeded"
    assert len(remit.crm.of(action["id"])) == 1
    after = await ann.get(f"/review/{action['id']}")
    assert "What ran" in after.text and "Execution executed" in after.text and "execution.succeeded" in after.text
    assert "Ann Approver ann approved" in after.text and "via page" in after.text and "checked" in after.text
    assert not after.has_form("/votes")


async def test_a_rejection_with_a_reason_ends_the_action(remit: Installation, ann: Browser) -> None:
    action = await remit.refund()

    page = await ann.vote(action["id"], "reject", "paid once only\r\nsee ticket <8812>")

    assert page.notice() == "Your vote to reject counts The action is rejected and will not run."
    assert "paid once only see ticket <8812>" in page.text
    assert (await remit.get(action["id"]))["approval"]["votes"][0]["reason"] == "paid once only\nsee ticket <8812>"
    assert remit.crm.of(action["id"]) == []


async def test_a_rejection_without_a_reason_is_refused_and_the_form_comes_back(
    remit: Installation, ann: Browser
) -> None:
    action = await remit.refund()

    page = await ann.vote(action["id"], "reject", "  \n ")

    assert page.status == 422
    assert page.notice().startswith("A reason is needed")
    again = await ann.send(page.form("/votes"), decision="reject", reason="now with one")
    assert again.notice().startswith("Your vote to reject counts")


async def test_a_form_sent_twice_is_one_vote(remit: Installation, ann: Browser) -> None:
    action = await remit.refund(250_000)
    form = (await ann.get(f"/review/{action['id']}")).form("/votes")

    answers = await asyncio.gather(*(ann.send(form, decision="approve") for _ in range(2)))
    third = await ann.send(form, decision="reject", reason="changed my mind")

    for page in (*answers, third):
        assert page.notice() == "Your vote to approve counts 1 of 2 approvals so far; 1 more needed."
    assert await votes_of(remit, action["id"]) == [("approve", "ann")]
    kinds = [entry["kind"] for entry in await remit.entries(action["id"])]
    assert kinds.count("vote.accepted") == 1 and "vote.refused" not in kinds


async def test_a_second_vote_of_one_person_is_refused_in_clear_words(remit: Installation, ann: Browser) -> None:
    action = await remit.refund(250_000)
    first, second = [(await ann.get(f"/review/{action['id']}")).form("/votes") for _ in range(2)]
    await ann.send(first, decision="approve")

    page = await ann.send(second, decision="reject", reason="no")

    assert page.notice().startswith("You have voted before Ann already voted to approve")
    assert not page.has_form("/votes") and "You have voted. One person counts once." in page.text
    assert await votes_of(remit, action["id"]) == [("approve", "ann")]


async def test_whoever_comes_late_is_told_who_decided(remit: Installation, ann: Browser, bob: Browser) -> None:
    action = await remit.refund()
    form = (await bob.get(f"/review/{action['id']}")).form("/votes")
    await ann.vote(action["id"], "reject", "no")

    page = await bob.send(form, decision="approve")

    assert re.match(r"Somebody was faster Ann rejected it at .* UTC\. The first decision stands", page.notice())
    assert remit.crm.of(action["id"]) == []


async def test_a_vote_after_the_deadline_is_refused_as_expired(remit: Installation, ann: Browser) -> None:
    action = await remit.refund(use_case="chat")
    form = (await ann.get(f"/review/{action['id']}")).form("/votes")
    await remit.until(action["id"], "expired")

    page = await ann.send(form, decision="approve")

    assert page.notice().startswith("The deadline has passed The deadline passed at")
    assert "Decision: expired" in page.text and "Reminded finance" in page.text and "Escalated to on-call" in page.text


async def test_a_vote_on_another_revision_than_the_one_that_waits_is_refused(remit: Installation, ann: Browser) -> None:
    action = await remit.refund()

    page = await ann.vote(action["id"], "approve", revision="sha256:" + "a" * 64)

    assert page.notice().startswith("The action changed while you were reading")
    assert await votes_of(remit, action["id"]) == []


@pytest.mark.parametrize(
    ("person", "amount", "context", "said", "title"),
    [
        ("ann", 5000, {"on_behalf_of": "ann"}, "the agent acts on their behalf", "This is your own request"),
        ("olga", 250_000, {}, "they own the agent 'clerk'", "This is your own request"),
        ("out", 5000, {}, "only members of finance may", "You are not among the people who are asked"),
    ],
)
async def test_who_may_not_vote_reads_why_and_is_refused_all_the_same_when_they_post(
    remit: Installation, person: str, amount: int, context: dict[str, str], said: str, title: str
) -> None:
    action = await remit.refund(amount, context=context)
    browser = await signed_in(remit, person)
    page = await browser.get(f"/review/{action['id']}")
    assert said in page.text and not page.has_form("/votes")

    token = page.form("/sign-out").fields["form_token"]
    fields = {"form_token": token, "ballot": "a" * 32, "revision": action["revision"]["digest"], "reason": ""}
    form = Form(f"/review/{action['id']}/votes", "post", fields)
    refused = await browser.send(form, decision="approve")

    assert refused.notice().startswith(title)
    assert await votes_of(remit, action["id"]) == []
    assert [e["kind"] for e in await remit.entries(action["id"])][-1] == "vote.refused"
    await browser.http.aclose()


async def test_no_address_can_claim_that_a_vote_counted(remit: Installation, ann: Browser, bob: Browser) -> None:
    action = await remit.refund(250_000)
    form = (await ann.get(f"/review/{action['id']}")).form("/votes")
    await ann.send(form, decision="approve")

    for query in (f"?ballot={form.fields['ballot']}", f"?ballot={'b' * 32}", "?refused=expired"):
        assert (await bob.get(f"/review/{action['id']}{query}")).notice() == ""
    assert (await bob.get(f"/review/{action['id']}?refused=%3Cb%3E")).status == 422


async def test_when_nobody_can_say_whether_a_vote_counted_the_same_ballot_can_be_sent_again(
    remit: Installation, ann: Browser
) -> None:
    action = await remit.refund()
    elsewhere = remit.settings.model_copy(
        update={"temporal_address": f"127.0.0.1:{free_port()}", "api_port": free_port()}
    )
    async with running_api(elsewhere) as http:
        http.cookies = ann.http.cookies
        cut_off = Browser(http)
        form = (await cut_off.get(f"/review/{action['id']}")).form("/votes")
        page = await cut_off.send(form, decision="reject", reason='not "ours"\n</textarea>')

        assert page.status == 503
        assert page.notice().startswith("It is not known yet whether your vote counted")
        again = page.form("/votes")

    assert again.fields["ballot"] == form.fields["ballot"]
    assert again.fields["reason"] == 'not "ours"\n</textarea>'
    counted = await ann.send(again, decision="reject")
    assert counted.notice().startswith("Your vote to reject counts")


def test_every_refusal_has_words_and_advice() -> None:
    assert set(REFUSED) == set(RefusalCode)


# Signing in


async def test_whoever_is_not_signed_in_is_led_to_sign_in_and_back_to_the_action(
    remit: Installation, stranger: Browser
) -> None:
    action = await remit.refund()

    page = await stranger.get(f"/review/{action['id']}")
    assert page.url.path == "/review/sign-in" and "Reviewer token" in page.text
    after = await stranger.send(page.form("/sign-in"), token=f" {remit.tokens['ann']}\n")

    assert after.url.path == f"/review/{action['id']}"


@pytest.mark.parametrize(
    ("who", "status", "said"),
    [
        ("clerk", 403, "a token of kind agent"),
        ("admin", 403, "a token of kind admin"),
        ("nobody", 401, "That token is not known"),
    ],
)
async def test_only_a_reviewers_token_signs_in(
    remit: Installation, stranger: Browser, who: str, status: int, said: str
) -> None:
    form = (await stranger.get("/review/sign-in")).form("/sign-in")

    page = await stranger.send(form, token=remit.tokens.get(who, "remit_reviewer_" + "x" * 43))

    assert page.status == status and said in page.text
    assert not stranger.http.cookies


async def test_the_session_cookie_is_for_the_page_alone(remit: Installation, stranger: Browser) -> None:
    form = (await stranger.get("/review/sign-in")).form("/sign-in")
    answer = await stranger.post(form, follow=False, token=remit.tokens["ann"])

    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("remit_review=remit_session_")
    assert {"HttpOnly", "SameSite=lax", "Path=/review", "Max-Age=43200"} <= set(cookie.split("; "))
    assert "Secure" not in cookie


async def test_the_cookie_is_secure_where_the_page_is_reached_by_https(remit: Installation) -> None:
    port = free_port()
    update = {"public_url": type(remit.settings.public_url)("https://remit.test.example"), "api_port": port}
    async with running_api(remit.settings.model_copy(update=update)) as http:
        headers = {"Origin": "https://remit.test.example"}
        answer = await http.post("/review/sign-in", data={"token": remit.tokens["ann"]}, headers=headers)

    assert answer.status_code == 303
    assert "Secure" in answer.headers["set-cookie"].split("; ")


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.test",
        "https://evil.test/review",
        "/review\\evil",
        "/\\evil.test",
        "/v1/actions",
        "/review/../v1",
        "/review/sign-out",
        "",
    ],
)
async def test_signing_in_leads_nowhere_but_to_a_page_of_ours(
    remit: Installation, stranger: Browser, wanted: str
) -> None:
    shown = Page(await stranger.http.get("/review/sign-in", params={"next": wanted}))
    assert shown.form("/sign-in").fields["next"] == "/review"
    form = Form("/review/sign-in", "post", {"next": wanted})

    answer = await stranger.post(form, follow=False, token=remit.tokens["ann"])

    assert (answer.status_code, answer.headers["location"]) == (303, "/review")


async def test_a_one_time_link_signs_in_once_and_only_when_a_person_continues(
    remit: Installation, stranger: Browser
) -> None:
    code = await new_link(remit, "ann")
    for _ in range(2):
        page = await stranger.get(f"/review/enter?code={code}&next=/review/{UNKNOWN}")
    assert not stranger.http.cookies
    form = page.form("/enter")

    answer = await stranger.post(form, follow=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/review/{UNKNOWN}")
    again = await stranger.send(form)

    assert again.status == 403 and "That link was used before" in again.text


async def test_a_link_that_is_too_old_or_cut_off_does_not_sign_in(remit: Installation, stranger: Browser) -> None:
    code = await new_link(remit, "ann", lifetime=timedelta(seconds=-1))

    old = await stranger.send((await stranger.get(f"/review/enter?code={code}")).form("/enter"))
    cut = await stranger.get(f"/review/enter?code={code[:-3]}")

    assert old.status == 403 and "it is too old" in old.text
    assert cut.status == 404 and "not complete" in cut.text


async def test_signing_out_ends_the_session_in_the_database_too(remit: Installation, stranger: Browser) -> None:
    ann = await signed_in(remit, "ann")
    secret = ann.http.cookies["remit_review"]

    page = await ann.send((await ann.get("/review")).form("/sign-out"))

    assert page.url.path == "/review/sign-in" and not ann.http.cookies
    stranger.http.cookies.set("remit_review", secret)
    assert (await stranger.get("/review")).url.path == "/review/sign-in"
    await ann.http.aclose()


async def test_somebody_the_policy_no_longer_has_can_neither_stay_nor_come_in(
    remit: Installation, stranger: Browser
) -> None:
    outsider = await signed_in(remit, "out")
    owner_url = remit.settings.owner_database_url
    assert owner_url is not None
    pool = await open_pool(owner_url, 2)
    remaining = [person for person in DOCUMENT["people"] if person["id"] != "out"]
    await activate_bundle(pool, bundle(people=remaining, version="2"), "tests")
    try:
        async with asyncio.timeout(10):
            while (await outsider.get("/review")).status != 403:
                await asyncio.sleep(0.05)
        form = (await stranger.get("/review/sign-in")).form("/sign-in")
        page = await stranger.send(form, token=remit.tokens["out"])
        assert page.status == 403 and "'out' is not a person of the active policy" in page.text
    finally:
        await activate_bundle(pool, bundle(), "tests")
        await pool.close()
    async with asyncio.timeout(10):
        while (await outsider.get("/review")).status != 200:
            await asyncio.sleep(0.05)
    await outsider.http.aclose()


# What others could try


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_form_that_another_site_sends_is_refused_even_with_its_token(
    remit: Installation, ann: Browser, stranger: Browser, headers: dict[str, str]
) -> None:
    action = await remit.refund()
    form = (await ann.get(f"/review/{action['id']}")).form("/votes")

    vote = await ann.http.post(form.action, data=form.fields | {"decision": "approve"}, headers=headers)
    sign_in = await stranger.http.post("/review/sign-in", data={"token": remit.tokens["bob"]}, headers=headers)
    link = await stranger.http.post("/review/enter", data={"code": await new_link(remit, "bob")}, headers=headers)

    for answer in (vote, sign_in, link):
        assert Page(answer).status == 403 and "sent by another site" in answer.text
    assert not stranger.http.cookies
    assert await votes_of(remit, action["id"]) == []


@pytest.mark.parametrize("token", ["", "wrong", "\u00e4\U0001f600", None])
async def test_a_vote_without_the_sessions_form_token_is_refused(
    remit: Installation, ann: Browser, bob: Browser, token: str | None
) -> None:
    action = await remit.refund()
    form = (await ann.get(f"/review/{action['id']}")).form("/votes")
    if token is None:  # a real one, of somebody else's session
        token = (await bob.get("/review")).form("/sign-out").fields["form_token"]

    page = await ann.send(form, decision="approve", form_token=token)

    assert page.status == 403 and "not made for this session" in page.text
    assert await votes_of(remit, action["id"]) == []


async def test_a_vote_after_the_session_ended_is_not_counted_and_says_so(
    remit: Installation, ann: Browser, stranger: Browser
) -> None:
    action = await remit.refund()
    form = (await ann.get(f"/review/{action['id']}")).form("/votes")

    page = await stranger.send(form, decision="approve")

    assert page.status == 401 and "Nothing was done" in page.text
    assert f'href="/review/sign-in?next=%2Freview%2F{action["id"]}"' in page.source
    assert await votes_of(remit, action["id"]) == []


async def test_no_vote_is_ever_cast_by_get(remit: Installation, ann: Browser) -> None:
    action = await remit.refund()
    form = (await ann.get(f"/review/{action['id']}")).form("/votes")

    answer = await ann.http.get(form.action, params=form.fields | {"decision": "approve"})

    assert Page(answer).status == 405 and answer.headers["allow"] == "POST"
    await ann.http.get(f"/review/{action['id']}", params=form.fields | {"decision": "approve"})
    assert await votes_of(remit, action["id"]) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"decision": "perhaps"},
        {"decision": ""},
        {"revision": "sha256:1"},
        {"ballot": "../x"},
        {"ballot": ""},
        {"reason": "x" * 2001},
        {"reason": "a\x00b"},
        {"reason": "a\x1b[2Jb"},
    ],
)
async def test_a_form_that_the_page_cannot_have_sent_is_refused(
    remit: Installation, ann: Browser, changed: dict[str, str]
) -> None:
    action = await remit.refund()
    form = (await ann.get(f"/review/{action['id']}")).form("/votes")

    page = await ann.send(form, **{"decision": "reject", "reason": "no"} | changed)

    assert page.status == 422
    assert await votes_of(remit, action["id"]) == []


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"token=" + b"x" * 40_000, "application/x-www-form-urlencoded", 413),
        (b"token=" + b"x" * 400_000, "application/x-www-form-urlencoded", 413),
        (b"token=\xff\xfe", "application/x-www-form-urlencoded", 422),
        (b"token=%ff%fe", "application/x-www-form-urlencoded", 422),
        (b"token=a&token=b", "application/x-www-form-urlencoded", 422),
        (b"&".join(b"f%d=1" % n for n in range(50)), "application/x-www-form-urlencoded", 422),
        (b'{"token": "x"}', "application/json", 415),
        (b"token=x", "multipart/form-data; boundary=x", 415),
        (b"", "application/x-www-form-urlencoded", 401),
    ],
)
async def test_a_body_that_is_no_form_of_ours_is_a_clear_page(
    stranger: Browser, content: bytes, media_type: str, status: int
) -> None:
    answer = await stranger.http.post("/review/sign-in", content=content, headers={"Content-Type": media_type})

    assert Page(answer).status == status


async def test_a_body_that_never_announces_its_length_is_cut_off(stranger: Browser) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 8192

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await stranger.http.post("/review/sign-in", content=endless(), headers=headers)

    assert Page(answer).status == 413


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"/review/{UNKNOWN}", 404),
        ("GET", "/review/not-an-id", 404),
        ("GET", f"/review/{UNKNOWN.replace('0', 'A')}", 404),
        ("GET", "/review/%00", 404),
        ("GET", "/review/%ff", 404),
        ("GET", "/review/" + "a" * 3000, 404),
        ("GET", "/review/a/b/c", 404),
        ("GET", f"/review/{UNKNOWN}?ballot=%00", 422),
        ("POST", f"/review/{UNKNOWN}", 405),
        ("PUT", "/review", 405),
        ("DELETE", "/review/sign-in", 405),
        ("GET", "/review/sign-out", 404),
        ("GET", "/review/sign-in?next=" + "a" * 300, 422),
        ("GET", "/review/enter?code=" + "a" * 300, 422),
    ],
)
async def test_an_address_that_leads_nowhere_is_a_clear_page(ann: Browser, method: str, path: str, status: int) -> None:
    answer = await ann.http.request(method, path)

    assert Page(answer).status == status


async def test_every_answer_carries_the_security_headers(remit: Installation, ann: Browser, stranger: Browser) -> None:
    answers: list[httpx.Response] = [
        await stranger.http.get("/review"),
        await stranger.http.get("/review/sign-in"),
        await stranger.http.get("/review/remit.css"),
        await stranger.http.get("/review/no/such/page"),
        await stranger.http.post("/review/sign-in", content=b"x" * 300_000),
        await ann.http.get("/review"),
        await ann.http.head("/review"),
        await ann.http.get("/review/"),
        await ann.http.get(f"/review/{UNKNOWN}"),
    ]

    assert [answer.status_code for answer in answers] == [303, 200, 200, 404, 413, 200, 200, 303, 404]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        for part in (
            "default-src 'none'",
            "style-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ):
            assert part in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"


async def test_arguments_changed_in_the_database_raise_an_alarm_and_take_the_buttons_away(
    remit: Installation, ann: Browser
) -> None:
    action = await remit.refund()
    pool = await open_pool(remit.settings.database_url, 2)
    changed = b'{"amount_minor":999999,"customer":"c-1"}'
    await pool.execute("UPDATE action SET arguments = $1 WHERE id = $2", changed, action["id"])
    await pool.close()

    page = await ann.get(f"/review/{action['id']}")

    assert "These arguments cannot be trusted" in page.text and not page.has_form("/votes")

"""The Home of a person and `/remit`, from end to end, by HTTP and by Socket Mode."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.notifiers.slack import accounts
from adapters.notifiers.slack.buttons import APPROVE, REJECT
from adapters.notifiers.slack.home import OPEN_PAGE, TURN_PAGE
from adapters.notifiers.slack.seal import Choice
from api import slack_dispatch
from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.editing import kinds, order
from tests.slack_company import Company, company_by
from tests.slack_front import message_problems
from tests.slack_workspace import CHANNEL

TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module", params=["http", "socket"])
async def shared_company(
    request: pytest.FixtureRequest, shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer
) -> AsyncIterator[Company]:
    async with company_by(request.param, shared_postgres, shared_temporal, f"slack_home_{request.param}") as found:
        yield found


@pytest.fixture
async def company(shared_company: Company, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Company]:
    monkeypatch.setattr(slack_dispatch, "ACK_SECONDS", 20)  # a busy machine is not what these tests are about
    monkeypatch.setattr(accounts, "FRESH_SECONDS", -1.0)  # what one test says of accounts is not for the next
    shared_company.front.reset()
    yield shared_company
    await shared_company.remit.lift_holds()


def row_of(view: dict[str, Any], action: dict[str, Any]) -> dict[str, Any] | None:
    """Return the row of buttons of an action."""
    link = f"/review/{action['id']}"
    rows = [block for block in view["blocks"] if block["type"] == "actions"]
    return next((row for row in rows if str(row["elements"][0].get("url", "")).endswith(link)), None)


def has(action: dict[str, Any]) -> Any:
    return lambda view: row_of(view, action) is not None


def lacks(action: dict[str, Any]) -> Any:
    return lambda view: row_of(view, action) is None


async def press(company: Company, user: str, view: dict[str, Any], action: dict[str, Any], action_id: str) -> None:
    """Press a button of an action on a Home."""
    row = row_of(view, action)
    assert row is not None
    (button,) = [each for each in row["elements"] if each["action_id"] == action_id]
    pressed = {"action_id": action_id, "value": button["value"]}
    assert (await company.press_home(user, pressed, row["block_id"])).failed == ""


async def test_home_has_what_a_person_may_decide_and_nothing_else(company: Company) -> None:
    action = await order(company.remit)

    await company.front.open_home("U01ANN")
    await company.front.open_home("U01OUT")
    await company.front.open_home("U01MALLORY")

    row = row_of(await company.home("U01ANN", has(action)), action)
    assert row is not None and [each["action_id"] for each in row["elements"]] == [OPEN_PAGE, APPROVE, REJECT]
    assert "Nothing waits for you" in str(await company.home("U01OUT"))
    assert "not in Remit" in str(await company.home("U01MALLORY"))


async def test_the_home_of_a_guest_shows_nothing(company: Company) -> None:
    action = await order(company.remit)
    company.front.world.users["U01ANN"] = {"is_ultra_restricted": True}

    await company.front.open_home("U01ANN")

    view = await company.home("U01ANN")
    assert "guest" in str(view) and lacks(action)(view)


async def test_an_approval_on_home_counts_and_home_is_drawn_anew(company: Company) -> None:
    action = await company.remit.refund()
    await company.front.open_home("U01ANN")

    await press(company, "U01ANN", await company.home("U01ANN", has(action)), action, APPROVE)

    ended = await company.remit.get(action["id"], wait=10)
    assert [(vote["person"], vote["door"]) for vote in ended["approval"]["votes"]] == [("ann", "slack")]
    await company.home("U01ANN", lacks(action))
    await company.front.open_home("U01ANN")
    assert "you voted to approve it" in str(await company.home("U01ANN", lambda view: "Decided by you" in str(view)))


async def test_a_rejection_on_home_asks_why(company: Company) -> None:
    action = await company.remit.refund()
    await company.front.open_home("U01ANN")
    await press(company, "U01ANN", await company.home("U01ANN", has(action)), action, REJECT)
    view = company.form("remit_reject_reason")

    assert await company.send("U01ANN", view, reason={"type": "plain_text_input", "value": "Not our fault."}) is None

    assert (await company.remit.get(action["id"], wait=10))["state"] == "rejected"


async def test_a_refused_vote_on_home_is_told_at_its_top(company: Company) -> None:
    action = await company.remit.refund()
    await company.front.open_home("U01ANN")
    view = await company.home("U01ANN", has(action))
    await company.remit.vote(action, "bob", "reject", "no")

    await press(company, "U01ANN", view, action, APPROVE)

    await company.home("U01ANN", lambda view: "Your vote does not count" in str(view["blocks"][0]))


@pytest.mark.parametrize("sealed_for", ["U01BOB", CHANNEL])
async def test_a_button_of_another_home_or_of_a_card_does_nothing_on_home_and_is_recorded(
    company: Company, sealed_for: str
) -> None:
    action = await company.remit.refund()
    choice = Choice(action=action["id"], revision=action["revision"]["digest"], channel=sealed_for)
    sealed = company.seal.sealed(choice)

    await company.press_home("U01ANN", {"action_id": APPROVE, "value": sealed}, f"remit:{sealed}")

    assert "click.refused" in await kinds(company.remit, action)
    assert (await company.remit.get(action["id"]))["state"] == "pending_approval"


async def test_a_button_of_home_does_nothing_in_a_channel_and_in_a_form(company: Company) -> None:
    action = await company.remit.refund()
    choice = Choice(action=action["id"], revision=action["revision"]["digest"], channel="U01ANN")
    sealed = company.seal.sealed(choice)
    button = {"action_id": APPROVE, "value": sealed}
    message = {"channel": {"id": CHANNEL}, "message": {"ts": "1795441045.000100"}, "view": None}

    await company.press_home("U01ANN", button, f"remit:{sealed}", **message)
    await company.press_home("U01ANN", button, f"remit:{sealed}", view={"id": "V1", "type": "modal"})

    assert (await kinds(company.remit, action)).count("click.refused") == 2
    assert (await company.remit.get(action["id"]))["state"] == "pending_approval"


async def test_an_older_revision_on_home_counts_for_nothing(company: Company) -> None:
    action = await company.remit.refund()
    await company.front.open_home("U01ANN")
    view = await company.home("U01ANN", has(action))
    changed = {**action["revision"]["arguments"], "amount_minor": 6000}
    body = {"base": action["revision"]["digest"], "arguments": changed, "reason": "x"}
    headers = {**company.remit.client("bob"), "Idempotency-Key": action["id"]}
    answer = await company.remit.http.post(f"/v1/actions/{action['id']}/revisions", json=body, headers=headers)
    assert answer.status_code == 200, answer.text

    await press(company, "U01ANN", view, action, APPROVE)

    await company.home("U01ANN", lambda view: "Your vote does not count" in str(view["blocks"][0]))
    assert (await company.remit.get(action["id"]))["approval"]["votes"] == []


async def test_high_risk_that_is_not_shown_whole_is_only_opened_from_home(company: Company) -> None:
    small = await company.remit.refund(200_000)
    note = "n" * 400
    answer = await company.remit.submit(
        {"customer": "c-1", "amount_minor": 300_000, "note": note}, action_type="refund.create"
    )
    large = await company.remit.until(answer.json()["id"], "pending_approval")
    await company.front.open_home("U01ANN")

    view = await company.home("U01ANN", lambda view: has(small)(view) and has(large)(view))

    whole, part = row_of(view, small), row_of(view, large)
    assert whole is not None and part is not None
    assert [each["action_id"] for each in whole["elements"]] == [OPEN_PAGE, APPROVE, REJECT]
    assert [each["action_id"] for each in part["elements"]] == [OPEN_PAGE]


async def test_another_page_and_an_event_that_comes_twice_draw_home_again(company: Company) -> None:
    await order(company.remit)
    opened = await company.front.open_home("U01ANN")
    await company.front.deliver("events_api", opened.payload, attempt=1, why_again="http_timeout")
    await company.home("U01ANN")

    for number in ("1", "9" * 30, "-1", "x"):
        pressed = {"action_id": TURN_PAGE[1], "value": number}
        assert (await company.press_home("U01ANN", pressed, "pages")).failed == ""

    # Homes that are wanted faster than anybody could look are drawn once.
    async with asyncio.timeout(20):
        while company.front.calls.count("views.publish") < 2:
            await asyncio.sleep(0.05)
    assert (await company.home("U01ANN"))["private_metadata"] == "0"


async def test_the_tab_with_messages_is_not_home(company: Company) -> None:
    opened = await company.front.open_home("U01ANN")
    before = await published(company, 1)
    event = {**opened.payload["event"], "tab": "messages"}

    assert (await company.front.deliver("events_api", {**opened.payload, "event": event})).failed == ""
    await company.front.open_home("U01BOB")

    assert await published(company, before + 1) == before + 1


async def published(company: Company, times: int) -> int:
    """Return how many Homes were drawn, once there are as many as that."""
    async with asyncio.timeout(20):
        while (count := company.front.calls.count("views.publish")) < times:
            await asyncio.sleep(0.01)
    return count


async def test_a_home_that_slack_does_not_take_fails_nothing(company: Company) -> None:
    action = await company.remit.refund()
    await company.front.open_home("U01ANN")
    view = await company.home("U01ANN", has(action))
    company.front.fail("views.publish", "not_enabled", times=None)

    await press(company, "U01ANN", view, action, APPROVE)

    assert (await company.remit.get(action["id"], wait=10))["state"] == "succeeded"


async def test_pending_and_show_tell_a_person_what_they_may_see(company: Company) -> None:
    action = await order(company.remit)

    assert action["id"] in await company.type_remit("U01ANN", "pending")
    assert "Nothing waits for you" in await company.type_remit("U01OUT", "pending")
    card = await company.type_remit("U01ANN", f"show `{action['id']}`")
    assert "Place an order" in card and "remit_approve" not in card
    for who, wanted in (("U01OUT", action["id"]), ("U01ANN", "f" * 32)):
        assert "You were asked about no request" in await company.type_remit(who, f"show {wanted}")
    for wanted in ("", "abc", "<!channel>"):
        assert "Type `/remit show ID`" in await company.type_remit("U01ANN", f"show {wanted}")


async def test_what_a_command_shows_fits_into_a_message(company: Company) -> None:
    for _ in range(11):
        await order(company.remit)
    for typed in ("pending", "help", "fly", "hold", "absent"):
        answer = (await company.front.type_command(CHANNEL, "U01ANN", "/remit", typed)).answer
        assert "blocks" not in answer or message_problems(answer["blocks"]) == []
    assert "more, on Remit" in await company.type_remit("U01ANN", "pending")


async def test_a_hold_from_slack_is_placed_by_those_whom_the_policy_names(company: Company) -> None:
    assert "Only people of the group `on-call`" in await company.type_remit("U01ANN", "hold everything stop it")

    said = await company.type_remit("U01CEM", "hold agent clerk It writes <!channel> nonsense.")

    assert "on agent 'clerk'" in said and "is on now" in said
    assert "was on already" in await company.type_remit("U01CEM", "hold agent clerk again")
    holds = await company.remit.http.get("/v1/holds", params={"active": True}, headers=company.remit.client("admin"))
    (hold,) = holds.json()["items"]
    assert (hold["placed_by"], hold["reason"]) == ("cem", "It writes <!channel> nonsense.")
    recorded = await company.remit.fetchval(
        "SELECT convert_from(body, 'UTF8') FROM ledger_entry WHERE kind = 'hold.placed' ORDER BY at DESC LIMIT 1"
    )
    assert json.loads(recorded)["actor"] == {"kind": "person", "id": "cem", "door": "slack"}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("hold", "Type `/remit hold everything REASON`"),
        ("hold everything", "Type `/remit hold everything REASON`"),
        ("hold agent clerk", "Type `/remit hold everything REASON`"),
        ("hold agent", "Type `/remit hold everything REASON`"),
        ("hold planet earth stop", "Type `/remit hold everything REASON`"),
        ("hold agent clark stop", "did you mean 'clerk'"),
        ("absent", "Type `/remit absent until"),
        ("absent until", "Type `/remit absent until"),
        ("absent until tomorrow", "is not a day; write it like 2026-12-24"),
        ("absent until 2020-01-01 delegate bob", "not between today"),
        (f"absent until {TODAY + timedelta(days=3)} delegate nobody", "nobody in the catalog is 'nobody'"),
        (f"absent until {TODAY + timedelta(days=3)} delegate cem", "nobody stands in for themselves"),
        ("absent off", "You had not said that you are away"),
    ],
)
async def test_a_command_with_a_mistake_says_what_to_type(company: Company, typed: str, said: str) -> None:
    assert said in await company.type_remit("U01CEM", typed)


async def test_whoever_is_away_is_stood_in_for_by_their_delegate_until_they_are_back(company: Company) -> None:
    until = TODAY + timedelta(days=3)
    assert "Otto Outsider decides in your place" in await company.type_remit(
        "U01BOB", f"absent until {until} delegate <@U01OUT|otto>"
    )
    action = await company.remit.refund()
    async with asyncio.timeout(20):
        while (await company.remit.vote(action, "out")).status_code != 200:
            await asyncio.sleep(0.1)

    ended = await company.remit.get(action["id"], wait=10)
    assert [(vote["person"], vote["in_place_of"]) for vote in ended["approval"]["votes"]] == [("out", "bob")]

    assert "You are back" in await company.type_remit("U01BOB", "absent off")
    async with asyncio.timeout(20):
        while (await company.remit.vote(await company.remit.refund(), "out", "reject", "x")).status_code == 200:
            await asyncio.sleep(0.1)
    written = [
        json.loads(
            await company.remit.fetchval(
                "SELECT convert_from(body, 'UTF8') FROM ledger_entry WHERE kind = $1 ORDER BY at DESC LIMIT 1", kind
            )
        )
        for kind in ("absence.declared", "absence.ended")
    ]
    assert [each["actor"]["id"] for each in written] == ["bob", "bob"]
    assert written[0]["data"]["delegate"] == "out"
    assert written[0]["data"]["last_day"] == until.isoformat()


@pytest.mark.parametrize("typed", ["pending", "hold everything stop", "absent off"])
async def test_a_guest_and_whom_slack_does_not_know_use_no_command(company: Company, typed: str) -> None:
    company.front.world.users["U01CEM"] = {"is_restricted": True}
    assert "guest" in await company.type_remit("U01CEM", typed)

    company.front.reset()
    company.front.fail("users.info", "internal_error", 500, times=None)
    assert "did not say whose account" in await company.type_remit("U01CEM", typed)

"""The menu of a card from end to end, by HTTP and by Socket Mode: forms are opened, checked, refused, and done once."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.notifiers.slack import accounts
from adapters.notifiers.slack.buttons import APPROVE, REJECT
from api import slack_dispatch
from api.slack_views import Carried
from domain.editing import form_of
from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.editing import ORDER, kinds, order, revised
from tests.slack_company import Company, company_by
from tests.slack_front import view_problems
from tests.slack_workspace import CHANNEL

_EDITABLE = ["express", "discount", "tags", "message", "lines[].count"]


@pytest.fixture(scope="module", params=["http", "socket"])
async def shared_company(
    request: pytest.FixtureRequest, shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer
) -> AsyncIterator[Company]:
    async with company_by(request.param, shared_postgres, shared_temporal, f"slack_menu_{request.param}") as found:
        yield found


@pytest.fixture
def company(shared_company: Company, monkeypatch: pytest.MonkeyPatch) -> Company:
    monkeypatch.setattr(slack_dispatch, "ACK_SECONDS", 20)  # a busy machine is not what these tests are about
    monkeypatch.setattr(accounts, "FRESH_SECONDS", -1.0)  # what one test says of accounts is not for the next
    shared_company.front.reset()
    return shared_company


def text(said: str) -> dict[str, Any]:
    return {"type": "plain_text_input", "value": said}


def picked(value: str) -> dict[str, Any]:
    return {"type": "static_select", "selected_option": {"text": {"type": "plain_text", "text": "..."}, "value": value}}


def moment(at: datetime) -> dict[str, Any]:
    return {"type": "datetimepicker", "selected_date_time": int(at.timestamp())}


def keys() -> dict[str, str]:
    """Return the block of each field of an order, by its label."""
    schema: dict[str, Any] = {"properties": {}}
    return {field.label: field.key for field in form_of(ORDER, _EDITABLE, schema).fields}


def filled(view: dict[str, Any]) -> dict[str, Any]:
    """Return what a form sends that nobody touched."""
    state = {}
    for block in view["blocks"]:
        if block["type"] != "input":
            continue
        element = block["element"]
        if "options" in element:
            state[block["block_id"]] = {"type": element["type"], "selected_option": element.get("initial_option")}
        else:
            state[block["block_id"]] = {"type": element["type"], "value": element.get("initial_value")}
    return state


async def edit(company: Company, action: dict[str, Any], user: str = "U01ANN") -> dict[str, Any]:
    await company.pick(await company.card(action), "edit", user)
    return company.form("remit_edit")


async def test_an_edit_shows_what_changes_before_it_is_made_and_is_made_once(company: Company) -> None:
    action = await order(company.remit)
    view = await edit(company, action)
    elements = {block["block_id"]: block["element"]["type"] for block in view["blocks"] if block["type"] == "input"}
    fields = keys()
    assert elements[fields["express"]] == "radio_buttons"
    assert {elements[fields[label]] for label in ("discount", "tags", "message")} == {"plain_text_input"}
    changed = {
        **filled(view),
        fields["discount"]: text("5"),
        fields["express"]: picked("true"),
        "reason": text("As agreed by phone."),
    }

    shown = (await company.send("U01ANN", view, **changed))["view"]
    assert view_problems(shown) == []
    assert "`discount`: `2.5` → `5`" in str(shown) and "`express`: `false` → `true`" in str(shown)
    assert "message" not in str(shown["blocks"][1]), "what nobody touched is no change"
    assert (await company.remit.get(action["id"]))["revision"]["number"] == 1

    for _ in range(2):
        assert await company.send("U01ANN", shown, **{**filled(shown), "reason": text("As agreed by phone.")}) is None

    after = await company.remit.get(action["id"])
    assert after["revision"]["number"] == 2
    assert after["revision"]["arguments"] == {**ORDER, "discount": 5, "express": True}
    assert (await kinds(company.remit, action)).count("revision.made") == 1
    await company.card(action, "Changed since the revision before")


async def test_what_changed_after_it_was_shown_is_shown_again_before_it_is_made(company: Company) -> None:
    action = await order(company.remit)
    view, fields = await edit(company, action), keys()
    shown = (await company.send("U01ANN", view, **{**filled(view), fields["discount"]: text("5")}))["view"]

    again = await company.send("U01ANN", shown, **{**filled(shown), fields["discount"]: text("6")})

    assert again["response_action"] == "update" and "`2.5` → `6`" in str(again["view"])
    assert (await company.remit.get(action["id"]))["revision"]["number"] == 1


async def test_a_field_that_does_not_come_back_keeps_its_value(company: Company) -> None:
    action = await order(company.remit)
    view = await edit(company, action)
    required = [
        block["label"]["text"] for block in view["blocks"] if block["type"] == "input" and not block["optional"]
    ]
    assert "message" in required and "express" in required

    shown = (await company.send("U01ANN", view, **{keys()["discount"]: text("5")}))["view"]
    assert await company.send("U01ANN", shown) is None

    assert (await company.remit.get(action["id"]))["revision"]["arguments"] == {**ORDER, "discount": 5}


@pytest.mark.parametrize(
    ("label", "typed", "said"),
    [
        ("discount", text("a lot"), "'a lot' is not a number"),
        ("lines › [1] › count", text("1.5"), "1.5"),
        ("discount", text("99"), "50"),
        ("tags", text("x" * 30), "tags"),
        ("express", text("false"), "Nothing is changed yet"),
    ],
)
async def test_a_mistake_in_the_form_is_told_in_the_form(
    company: Company, label: str, typed: dict[str, Any], said: str
) -> None:
    action = await order(company.remit)
    view = await edit(company, action)

    answer = await company.send("U01ANN", view, **{**filled(view), keys()[label]: typed})
    if answer["response_action"] == "update":
        answer = await company.send("U01ANN", answer["view"], **filled(answer["view"]))

    assert answer["response_action"] == "errors"
    assert said in str(answer["errors"].values())
    assert set(answer["errors"]) <= {block["block_id"] for block in view["blocks"] if block["type"] == "input"}
    assert (await company.remit.get(action["id"]))["revision"]["number"] == 1


async def test_a_text_too_long_for_slack_is_left_to_the_page_and_named(company: Company) -> None:
    action = await order(company.remit, message="m" * 3001)

    view = await edit(company, action)

    assert keys()["message"] not in [block.get("block_id") for block in view["blocks"]]
    assert "edit it on the review page" in str(view) and "• message" in str(view)


async def test_a_form_that_was_drawn_before_another_revision_does_nothing_and_says_so(company: Company) -> None:
    action = await order(company.remit)
    view = await edit(company, action)
    await revised(company.remit, action, "bob", discount=7)

    answer = await company.send("U01ANN", view, **{**filled(view), keys()["discount"]: text("5")})

    assert "changed since you opened this form" in answer["errors"]["reason"]
    assert (await company.remit.get(action["id"]))["revision"]["arguments"]["discount"] == 7


async def test_a_menu_of_an_older_revision_opens_nothing(company: Company) -> None:
    action = await order(company.remit)
    message = await company.card(action)
    await revised(company.remit, action, "bob", discount=7)

    await company.pick(message, "edit", "U01ANN")

    assert "views.open" not in company.front.calls
    await company.told("U01ANN", "newest card")


@pytest.mark.parametrize("option", ["edit", "ask", "reassign", "snooze", "extend"])
async def test_nobody_gets_a_form_for_what_they_may_not_do(company: Company, option: str) -> None:
    action = await order(company.remit)

    await company.pick(await company.card(action), option, "U01OUT")

    assert "views.open" not in company.front.calls
    await company.told("U01OUT", "finance")


async def test_somebody_outside_the_catalog_is_told_so(company: Company) -> None:
    action = await order(company.remit)

    await company.pick(await company.card(action), "edit", "U01MALLORY")

    assert "views.open" not in company.front.calls
    await company.told("U01MALLORY", "not in Remit's catalog")


async def test_the_line_for_all_details_and_an_unknown_one_open_nothing(company: Company) -> None:
    message = await company.card(await order(company.remit))

    assert (await company.pick(message, "details", "U01ANN")).failed == ""
    await company.pick(message, "destroy", "U01ANN")

    assert "views.open" not in company.front.calls
    await company.told("U01ANN", "does not know this line")


async def test_questions_go_to_the_agent_and_stand_on_the_card(company: Company) -> None:
    action = await order(company.remit)
    await company.pick(await company.card(action), "ask", "U01ANN")
    view = company.form("remit_ask_agent")

    assert "Say why" in (await company.send("U01ANN", view, reason=text("  ")))["errors"]["reason"]
    assert await company.send("U01ANN", view, reason=text("Which warehouse?")) is None

    assert "approval.returned" in await kinds(company.remit, action)
    await company.card(action, "Which warehouse?")


async def test_a_rejection_chooses_from_the_reasons_of_its_rule(company: Company) -> None:
    action = await company.remit.refund(250_000)
    message = await company.card(action, "remit_reject")
    (row,) = [block for block in message["blocks"] if block["type"] == "actions"]
    (button,) = [element for element in row["elements"] if element["action_id"] == REJECT]
    await company.front.press(CHANNEL, message["ts"], "U01BOB", REJECT, row["block_id"], button["value"])
    view = company.form("remit_reject_reason")
    assert [option["text"]["text"] for option in view["blocks"][1]["element"]["options"]] == [
        "The amount is wrong",
        "Other",
    ]

    await company.send("U01BOB", view, chosen=picked("amount"), reason=text("twice what they paid"))

    (vote,) = (await company.remit.until(action["id"], "rejected"))["approval"]["votes"]
    assert (vote["reason_title"], vote["reason"]) == ("The amount is wrong", "twice what they paid")
    await company.card(action, "The amount is wrong: twice what they paid")


async def test_a_request_is_handed_to_a_colleague_of_the_list_only(company: Company) -> None:
    action = await order(company.remit)
    await company.pick(await company.card(action), "reassign", "U01ANN")
    view = company.form("remit_reassign")
    offered = [option["value"] for option in view["blocks"][1]["element"]["options"]]
    assert offered == ["bob", "olga"]

    assert "Choose a person" in (await company.send("U01ANN", view, reason=text("")))["errors"]["reason"]
    refused = await company.send("U01ANN", view, reason=picked("out"))
    assert "out" in refused["errors"]["reason"]
    assert await company.send("U01ANN", view, reason=picked("bob")) is None
    assert await company.send("U01ANN", view, reason=picked("bob")) is None

    assert (await kinds(company.remit, action)).count("approval.reassigned") == 1


@pytest.mark.parametrize(
    ("option", "done", "good"),
    [("snooze", "approval.snoozed", timedelta(hours=3)), ("extend", "approval.extended", timedelta(days=2, hours=5))],
)
async def test_the_clock_is_moved_within_what_the_policy_allows(
    company: Company, option: str, done: str, good: timedelta
) -> None:
    action = await order(company.remit)
    await company.pick(await company.card(action), option, "U01ANN")
    view = company.form(f"remit_{option}")
    now = datetime.now(UTC)

    assert "Choose a time" in (await company.send("U01ANN", view, reason=text("")))["errors"]["reason"]
    too_far = await company.send("U01ANN", view, reason=moment(now + timedelta(days=30)))
    assert "can be" in too_far["errors"]["reason"]
    assert await company.send("U01ANN", view, reason=moment(now + good)) is None

    assert (await kinds(company.remit, action)).count(done) == 1


async def test_a_form_counts_for_whom_it_was_opened_and_for_nobody_else(company: Company) -> None:
    action = await order(company.remit)
    await company.pick(await company.card(action), "ask", "U01ANN")
    view = company.form()

    answer = await company.send("U01BOB", view, reason=text("Which warehouse?"))

    assert "did not open this form for you" in answer["errors"]["reason"]
    assert "approval.returned" not in await kinds(company.remit, action)
    recorded = await company.remit.fetchval(
        "SELECT convert_from(body, 'UTF8') FROM ledger_entry WHERE kind = 'click.refused' ORDER BY at DESC LIMIT 1"
    )
    assert json.loads(recorded)["data"]["why"] == "form_not_opened_for_them"
    assert json.loads(recorded)["actor"]["id"] == "bob"


@pytest.mark.parametrize("form", ["remit_edit", "remit_reassign", "remit_snooze", "remit_ask_agent"])
async def test_what_a_form_carries_cannot_be_made_up_or_moved_to_another_form(company: Company, form: str) -> None:
    action = await order(company.remit)
    carried = Carried(action=action["id"], revision=action["revision"]["digest"], channel=CHANNEL)
    others = company.seal.sealed_form(carried.model_dump_json(), "U01ANN", "remit_another")
    block = {"type": "input", "block_id": "reason", "element": {"action_id": "text"}}
    for made_up in (others, carried.model_dump_json(), "", others[:-1]):
        view = {"type": "modal", "callback_id": form, "private_metadata": made_up, "blocks": [block]}
        answer = await company.send("U01ANN", view, reason=text("x"))
        assert "did not open this form for you" in answer["errors"]["reason"]


async def test_a_click_that_is_too_old_is_told_to_click_again(company: Company) -> None:
    action = await order(company.remit)
    company.front.fail("views.open", "expired_trigger_id")

    await company.pick(await company.card(action), "ask", "U01ANN")

    await company.told("U01ANN", "too much time passed since the click. Please click again")


async def test_a_click_that_is_delivered_again_opens_one_form_and_says_nothing(company: Company) -> None:
    action = await order(company.remit)
    first = await company.pick(await company.card(action), "ask", "U01ANN")

    again = await company.front.deliver("interactive", first.payload, attempt=1, why_again="http_timeout")

    assert (again.failed, again.answer) == ("", None)
    assert company.front.calls.count("views.open") == 2
    assert "chat.postEphemeral" not in company.front.calls


@pytest.mark.parametrize(
    ("account", "said"),
    [
        ({"is_restricted": True}, "guest"),
        ({"is_ultra_restricted": True}, "guest"),
        ({"is_stranger": True}, "another company"),
        ({"team_id": "T0OTHER"}, "another company"),
        ({"deleted": True}, "deactivated"),
        ({"is_bot": True}, "bot"),
        (None, "does not know this account"),
    ],
)
async def test_an_account_that_is_no_active_colleagues_decides_nothing(
    company: Company, account: dict[str, Any] | None, said: str
) -> None:
    action = await company.remit.refund()
    message = await company.card(action)
    company.front.world.users["U01ANN"] = account
    row = next(block for block in message["blocks"] if block["type"] == "actions")

    await company.front.press(CHANNEL, message["ts"], "U01ANN", APPROVE, row["block_id"], row["elements"][0]["value"])

    await company.told("U01ANN", said)
    assert (await company.remit.get(action["id"]))["state"] == "pending_approval"
    assert "click.refused" in await kinds(company.remit, action)


async def test_a_click_that_comes_again_after_others_decided_changes_nothing(company: Company) -> None:
    action = await company.remit.refund(200_000)
    message = await company.card(action)
    row = next(block for block in message["blocks"] if block["type"] == "actions")
    button = (APPROVE, row["block_id"], row["elements"][0]["value"])
    first = await company.front.press(CHANNEL, message["ts"], "U01ANN", *button)
    await company.front.press(CHANNEL, message["ts"], "U01BOB", *button)
    ended = await company.remit.get(action["id"], wait=10)

    for attempt in (2, 1):
        again = await company.front.deliver("interactive", first.payload, attempt=attempt, why_again="http_timeout")
        assert (again.failed, again.answer) == ("", None)

    assert [vote["person"] for vote in ended["approval"]["votes"]] == ["ann", "bob"]
    assert (await company.remit.get(action["id"]))["approval"]["votes"] == ended["approval"]["votes"]
    assert len(company.remit.crm.of(action["id"])) == 1


async def test_a_form_counts_although_its_card_was_deleted_meanwhile_and_the_card_comes_back(company: Company) -> None:
    action = await order(company.remit)
    message = await company.card(action)
    await company.pick(message, "ask", "U01ANN")
    await company.front.client.chat_delete(channel=CHANNEL, ts=message["ts"])

    assert await company.send("U01ANN", company.form(), reason=text("Which warehouse?")) is None

    assert (await company.card(action, "Which warehouse?"))["ts"] != message["ts"]


async def test_somebody_who_changed_their_name_is_the_same_person(company: Company) -> None:
    action = await company.remit.refund()
    message = await company.card(action)
    company.front.world.users["U01ANN"] = {"name": "ann.married", "real_name": "Ann Married"}
    row = next(block for block in message["blocks"] if block["type"] == "actions")

    await company.front.press(CHANNEL, message["ts"], "U01ANN", APPROVE, row["block_id"], row["elements"][0]["value"])

    ended = await company.remit.get(action["id"], wait=10)
    assert [vote["person"] for vote in ended["approval"]["votes"]] == ["ann"]


@pytest.mark.parametrize(("amount", "counts"), [(5000, True), (200_000, False)])
async def test_where_slack_does_not_say_whose_account_it_is_high_risk_is_not_decided(
    company: Company, amount: int, counts: bool
) -> None:
    action = await company.remit.refund(amount)
    message = await company.card(action)
    company.front.fail("users.info", "internal_error", 500, times=None)
    row = next(block for block in message["blocks"] if block["type"] == "actions")

    await company.front.press(CHANNEL, message["ts"], "U01ANN", APPROVE, row["block_id"], row["elements"][0]["value"])

    if not counts:
        await company.told("U01ANN", "did not say whose account")
    votes = (await company.remit.get(action["id"]))["approval"]["votes"]
    assert len(votes) == counts


async def test_a_form_sent_many_times_at_once_is_one_revision(company: Company) -> None:
    action = await order(company.remit)
    view, fields = await edit(company, action), keys()
    shown = (await company.send("U01ANN", view, **{**filled(view), fields["discount"]: text("5")}))["view"]

    await asyncio.gather(*(company.send("U01ANN", shown, **filled(shown)) for _ in range(5)))

    assert (await company.remit.get(action["id"]))["revision"]["number"] == 2
    assert (await kinds(company.remit, action)).count("revision.made") == 1

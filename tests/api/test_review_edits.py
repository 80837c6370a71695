"""Edits, questions and the clock of an approval on the review page, as a browser without JavaScript uses it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.editing import form_of
from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.api.pages import Browser, Page, signed_in
from tests.editing import BUNDLE, ORDER, answered, kinds, order, revised
from tests.installation import Installation, installed


@pytest.fixture(scope="module")
async def remit(shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer) -> AsyncIterator[Installation]:
    async with installed(shared_postgres, shared_temporal, "edits", BUNDLE) as installation:
        yield installation


@pytest.fixture(scope="module")
async def people(remit: Installation) -> AsyncIterator[dict[str, Browser]]:
    """Everybody's browser."""
    browsers = {person.id: await signed_in(remit, person.id) for person in BUNDLE.people}
    yield browsers
    for browser in browsers.values():
        await browser.http.aclose()


async def opened(people: dict[str, Browser], action: dict[str, Any], who: str = "ann") -> Page:
    return await people[who].get(f"/review/{action['id']}")


async def edit(people: dict[str, Browser], page: Page, who: str = "ann", reason: str = "", **typed: str) -> Page:
    """Fill in the edit form by the labels of its fields, `__` standing for ` › `, and send it."""
    filled = {page.field(label.replace("__", " › ")): text for label, text in typed.items()}
    return await people[who].send(page.form("/revisions"), reason=reason, **filled)


async def test_an_edit_on_the_page_is_a_revision_with_its_difference(
    remit: Installation, people: dict[str, Browser]
) -> None:
    action = await order(remit)

    told = await edit(
        people,
        await opened(people, action),
        reason="The customer called.",
        express="true",
        discount="10",
        tags="new\r\nvip\r\n",
    )

    assert told.notice().startswith("Your edit was made")
    edited = await remit.get(action["id"])
    assert edited["revision"]["arguments"] == {**ORDER, "express": True, "discount": 10, "tags": ["new", "vip"]}
    assert edited["revisions"][1]["changed"] == ["discount", "express", "tags[1]"]
    assert "Revision 2 stands" in told.text
    assert "discount2.510" in told.text.replace(" ", "")
    assert "tags[1]giftvip" in told.text.replace(" ", "")
    assert "You cannot approve this one: 'ann' may not vote here: they wrote this revision" in told.text
    assert told.has_form("/revisions"), "who wrote it may go on editing"
    assert told.has_form("/votes"), "and may reject it after all"
    assert (await opened(people, action, "bob")).has_form("/votes")


async def test_a_form_sent_as_it_came_changes_nothing(remit: Installation, people: dict[str, Browser]) -> None:
    action = await order(remit)

    told = await edit(people, await opened(people, action))

    assert told.status == 422
    assert "Your edit was not made" in told.notice()
    assert "nothing was changed" in told.notice()
    assert (await remit.get(action["id"]))["revision"] == action["revision"], "no line ending changed by itself"


async def test_only_the_fields_that_may_be_changed_have_an_input(
    remit: Installation, people: dict[str, Browser]
) -> None:
    page = await opened(people, await order(remit))

    form = page.form("/revisions")
    allowed = form_of(ORDER, BUNDLE.action_types[-1].editable, BUNDLE.action_types[-1].arguments).fields
    assert [field.label for field in allowed] == [
        "express",
        "discount",
        "tags",
        "message",
        "lines › [0] › count",
        "lines › [1] › count",
    ]
    assert {name for name in form.fields if name.startswith("set-")} == {f"set-{field.key}" for field in allowed}
    assert not (await opened(people, await remit.refund(), "out")).has_form("/revisions")


async def test_a_field_of_another_place_cannot_be_smuggled_in(remit: Installation, people: dict[str, Browser]) -> None:
    action = await order(remit)
    page = await opened(people, action)

    told = await people["ann"].send(page.form("/revisions"), **{"set-customer": "c-666"})

    assert told.status == 422
    assert "no field &#39;customer&#39;" in told.source
    assert (await remit.get(action["id"]))["revision"] == action["revision"]


async def test_what_cannot_be_read_comes_back_as_it_was_typed(remit: Installation, people: dict[str, Browser]) -> None:
    action = await order(remit)

    told = await edit(people, await opened(people, action), discount="ten", message="Say it <b>so</b>", reason="why")

    assert told.status == 422
    assert "In discount, 'ten' is not a number" in told.notice()
    form = told.form("/revisions").fields
    assert (form[told.field("discount")], form[told.field("message")], form["reason"]) == (
        "ten",
        "Say it <b>so</b>",
        "why",
    )
    assert "<details open>" in told.source


async def test_what_the_schema_or_the_policy_refuses_says_why(remit: Installation, people: dict[str, Browser]) -> None:
    told = await edit(people, await opened(people, await order(remit)), discount="51")
    assert (told.status, "$.discount" in told.notice()) == (422, True)

    denied = await edit(people, await opened(people, await remit.refund()), amount_minor="10000001")

    assert (denied.status, "agents do not refund more" in denied.notice()) == (422, True)


async def test_an_edit_of_a_revision_that_was_replaced_is_superseded(
    remit: Installation, people: dict[str, Browser]
) -> None:
    action = await remit.refund()
    stale = await opened(people, action)
    await revised(remit, action, "bob", amount_minor=4000)

    told = await edit(people, stale, amount_minor="3000")

    assert "The action changed while you were reading" in told.notice()
    assert told.form("/revisions").fields[told.field("amount_minor")] == "4000"
    assert (await kinds(remit, action))[-1] == "revision.refused"


async def test_a_form_that_came_back_still_is_about_the_revision_it_was_drawn_from(
    remit: Installation, people: dict[str, Browser]
) -> None:
    action = await remit.refund()
    stale = await opened(people, action)
    await revised(remit, action, "bob", note="by bob")

    again = await edit(people, stale, amount_minor="many")
    told = await edit(people, again, amount_minor="3000")

    assert again.status == 422
    assert "The action changed while you were reading" in told.notice()
    assert (await remit.get(action["id"]))["revision"]["arguments"]["note"] == "by bob", "no edit is lost"


async def test_a_long_text_in_many_scripts_fits_the_form(remit: Installation, people: dict[str, Browser]) -> None:
    action = await order(remit)
    text = "\u00e4\u6f22\U0001f600 " * 1200

    told = await edit(people, await opened(people, action), message=text)

    assert told.notice().startswith("Your edit was made")
    assert (await remit.get(action["id"]))["revision"]["arguments"]["message"] == text


async def test_an_optional_field_that_is_not_there_can_be_filled_in(
    remit: Installation, people: dict[str, Browser]
) -> None:
    action = await remit.refund()

    told = await edit(people, await opened(people, action), note="by phone")

    assert "not there" in told.text
    assert (await remit.get(action["id"]))["revision"]["arguments"]["note"] == "by phone"


async def test_an_action_is_returned_with_questions_and_the_answer_stands_on_the_page(
    remit: Installation, people: dict[str, Browser]
) -> None:
    action = await remit.refund()

    told = await people["ann"].vote(action["id"], "return", "Which order?\nAnd why?")

    assert told.notice().startswith("Your questions went to the agent")
    assert "The agent has not answered yet" in told.text
    assert 'value="approve"' not in told.source
    assert 'value="return"' not in told.source
    assert 'value="reject"' in told.source
    assert "waits for the agent's answer" in (await people["bob"].get("/review")).text

    await answered(remit, action, "<i>Order 4711</i>")

    page = await opened(people, action)
    assert "<i>Order 4711" not in page.source
    assert "<i>Order 4711</i>" in page.text
    assert 'value="approve"' in page.source
    ended = await people["ann"].vote(action["id"], "approve")
    assert ended.notice().startswith("Your vote to approve counts")


async def test_a_return_needs_questions(remit: Installation, people: dict[str, Browser]) -> None:
    told = await people["ann"].vote((await remit.refund())["id"], "return", " ")

    assert (told.status, told.notice()[:18]) == (422, "A reason is needed")


async def test_a_question_is_handed_on_snoozed_and_extended_on_the_page(
    remit: Installation, people: dict[str, Browser]
) -> None:
    action = await remit.refund()

    page = await opened(people, action)
    told = await people["ann"].send(page.form_of("/approval", kind="reassign"), to="bob")
    assert told.notice().startswith("You handed it on")
    assert "Handed toBob Approver" in told.text
    assert "handed to you" in (await people["bob"].get("/review")).text

    told = await people["ann"].send(told.form_of("/approval", kind="snooze"))
    assert told.notice().startswith("The reminder is put off")

    told = await people["ann"].send(told.form_of("/approval", kind="extend"))
    assert told.notice().startswith("The deadline has moved")
    assert not any(form.fields.get("kind") == "extend" for form in told.forms)
    assert (await kinds(remit, action))[-3:] == ["approval.reassigned", "approval.snoozed", "approval.extended"]


async def test_what_is_not_offered_is_refused_with_the_reason(remit: Installation, people: dict[str, Browser]) -> None:
    action = await remit.refund()
    form = (await opened(people, action)).form_of("/approval", kind="reassign")

    told = await people["ann"].send(form, to="out")
    assert told.notice().startswith("You are not among the people who are asked")

    told = await people["ann"].send(form, kind="extend", until="2099-01-01T00:00:00")
    assert told.notice().startswith("That is not possible here The deadline can be moved to a time after")

    strange = await people["ann"].send(form, kind="approve")
    assert (strange.status, "orm cannot be read" in strange.text) == (422, True)
    odd = await people["ann"].send(form, kind="extend", until="soon")
    assert (odd.status, "is not a time" in odd.text) == (422, True)


async def test_an_address_cannot_claim_that_something_was_done(remit: Installation, people: dict[str, Browser]) -> None:
    action = await remit.refund()

    page = await people["ann"].get(f"/review/{action['id']}?request={'0' * 32}")

    assert page.notice() == ""


async def test_hidden_characters_of_an_argument_survive_an_edit_of_another_field(
    remit: Installation, people: dict[str, Browser]
) -> None:
    hostile = 'a\u202eb\u200b "quoted" <script>'
    action = await order(remit, message=hostile)
    page = await opened(people, action)
    assert page.form("/revisions").fields[page.field("message")] == hostile

    await edit(people, page, discount="3")

    after = (await remit.get(action["id"]))["revision"]["arguments"]
    assert (after["message"], after["discount"]) == (hostile, 3)
    assert after["lines"] == ORDER["lines"]


async def test_a_rejection_for_a_listed_reason_is_chosen_on_the_page(
    remit: Installation, people: dict[str, Browser]
) -> None:
    action = await remit.refund(250_000)

    unchosen = await people["bob"].vote(action["id"], "reject", "twice what they paid", reason_id="")
    assert unchosen.status == 422
    assert unchosen.notice().startswith("A reason is needed")
    chosen = await people["bob"].send(
        unchosen.form("/votes"), decision="reject", reason="twice what they paid", reason_id="amount"
    )

    assert chosen.notice().startswith("Your vote to reject counts")
    assert "The amount is wrong: twice what they paid" in chosen.text
    (vote,) = (await remit.get(action["id"]))["approval"]["votes"]
    assert (vote["reason_title"], vote["reason"]) == ("The amount is wrong", "twice what they paid")


async def test_over_the_api_a_rejection_names_its_listed_reason(remit: Installation) -> None:
    action = await remit.refund(250_000)
    body = {"decision": "reject", "revision": action["revision"]["digest"], "reason": "no"}

    async def rejected(**more: str) -> Any:
        return await remit.http.post(
            f"/v1/actions/{action['id']}/votes", json={**body, **more}, headers=remit.client("bob")
        )

    unnamed, unknown, named = await rejected(), await rejected(reason_id="mood"), await rejected(reason_id="other")
    assert [unnamed.status_code, unknown.status_code, named.status_code] == [422, 422, 200]
    assert "amount (The amount is wrong), other (Other)" in unnamed.json()["detail"]

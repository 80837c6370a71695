"""Stages, delegates, trainings and reasons as people and callers of the API meet them, on a whole installation."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.api.pages import Browser, signed_in
from tests.bundles import DOCUMENT, bundle
from tests.installation import Installation, installed

TODAY = datetime.now(UTC).date()
AWAY = {"first_day": str(TODAY - timedelta(days=2)), "last_day": "2099-12-31", "delegate": "out"}
PEOPLE = {
    "bob": {"absences": [AWAY]},
    "ann": {"trainings": [{"tier": "medium", "expires": "2099-12-31"}, {"tier": "high", "expires": "2026-01-31"}]},
}
BUNDLE = bundle(
    people=[{**person, **PEOPLE.get(person["id"], {})} for person in DOCUMENT["people"]],
    groups=[*DOCUMENT["groups"], {"id": "legal", "members": ["cem"]}],
    approvals=[
        {
            "id": "one",
            "stages": [{"group": "finance"}, {"group": "legal"}],
            "reason_required": "always",
            "approval_lifetime": "1h",
            "expire_after": "2d",
        },
        {"id": "two", "group": "finance", "quorum": 2, "exclude_agent_owner": True, "expire_after": "1d"},
        DOCUMENT["approvals"][2],
    ],
)


@pytest.fixture(scope="module")
async def remit(shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer) -> AsyncIterator[Installation]:
    async with installed(shared_postgres, shared_temporal, "stages", BUNDLE) as installation:
        yield installation


@pytest.fixture(scope="module")
async def people(remit: Installation) -> AsyncIterator[dict[str, Browser]]:
    """Everybody's browser."""
    browsers = {person.id: await signed_in(remit, person.id) for person in BUNDLE.people}
    yield browsers
    for browser in browsers.values():
        await browser.http.aclose()


async def test_an_action_goes_through_its_stages_and_says_so_everywhere(
    remit: Installation, people: dict[str, Browser]
) -> None:
    action = await remit.refund()
    asked = action["approval"]
    assert (asked["stage"], asked["group"], asked["reason_required"]) == (1, "finance", True)
    alone = {"quorum": 1, "approvals": 0, "vetoes": 1, "rejections": 0, "alongside": False}
    assert asked["stages"] == [{"group": "finance", **alone}, {"group": "legal", **alone}]
    assert asked["open_stages"] == [1]
    page = await people["ann"].get(f"/review/{action['id']}")
    assert "finance: 0 of 1 votes legal: not asked yet" in page.text and "Askedfinance" in page.text
    inbox = await people["ann"].get("/review")
    assert "stage 1 of 2 · 0 of 1 approval · finance" in inbox.text

    told = await people["ann"].vote(action["id"], "approve", "I called the customer.")

    assert told.notice().startswith("Your vote to approve counts Stage 2 of 2, legal: 0 of 1 approvals so far; 1 more")
    assert "finance: 1 of 1 votes legal: 0 of 1 votes" in told.text
    assert not told.has_form("/votes") and "You have voted" in told.text
    asked = (await remit.get(action["id"]))["approval"]
    assert (asked["stage"], asked["group"], asked["groups"], asked["outcome"]) == (2, "legal", ["legal"], None)
    assert action["id"] in (await people["olga"].get("/review")).source, "finance still sees what became of it"
    waits = await people["olga"].get(f"/review/{action['id']}")
    assert not waits.has_form("/votes") and "only members of legal may" in waits.text

    refused = await remit.vote(action, "ann", "approve", "again")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_eligible"), "ann is not in legal"
    receipt = await remit.vote(action, "cem", "approve", "the contract allows it")
    assert receipt.json() == {
        "accepted": True,
        "outcome": "approved",
        "approvals": 1,
        "quorum": 1,
        "stage": 2,
        "stages": 2,
    }
    ended = await remit.until(action["id"], "succeeded")
    decided, void = (datetime.fromisoformat(ended["approval"][name]) for name in ("decided_at", "void_at"))
    assert void - decided == timedelta(hours=1)
    assert "Good until" in (await people["cem"].get(f"/review/{action['id']}")).text


async def test_an_approval_that_needs_a_reason_is_not_taken_without_one(
    remit: Installation, people: dict[str, Browser]
) -> None:
    action = await remit.refund()
    page = await people["ann"].get(f"/review/{action['id']}")
    assert "Needed to approve, too" in page.text and "formnovalidate" not in page.source

    told = await people["ann"].vote(action["id"], "approve", " ")
    refused = await remit.vote(action, "ann")

    assert (told.status, told.notice()[:18]) == (422, "A reason is needed")
    assert (refused.status_code, refused.json()["code"]) == (422, "reason_required")
    assert "needs a reason: say what you checked" in refused.json()["detail"]
    assert (await remit.get(action["id"]))["approval"]["votes"] == []


async def test_whose_training_expired_can_reject_and_is_told_why_not_more(
    remit: Installation, people: dict[str, Browser]
) -> None:
    action = await remit.refund(200_000)

    page = await people["ann"].get(f"/review/{action['id']}")
    assert "You cannot approve this one: the training of 'ann' for tier high expired on 2026-01-31" in page.text
    assert 'value="approve"' not in page.source and 'value="reject"' in page.source
    assert action["id"] in (await people["ann"].get("/review")).source

    refused = await remit.vote(action, "ann")
    assert (refused.status_code, refused.json()["code"]) == (403, "training_required")
    told = await people["ann"].vote(action["id"], "reject", "It is not theirs.")

    assert told.notice().startswith("Your vote to reject counts")
    assert (await remit.until(action["id"], "rejected"))["approval"]["votes"][0]["person"] == "ann"


async def test_a_delegate_finds_the_action_in_their_inbox_and_votes_in_the_place_of_who_is_away(
    remit: Installation, people: dict[str, Browser]
) -> None:
    action = await remit.refund()

    assert action["id"] in (await people["out"].get("/review")).source
    told = await people["out"].vote(action["id"], "approve", "Bob asked me to look.")

    assert "Otto Outsider" in told.text and "in the place of Bob Approver" in told.text
    (vote,) = (await remit.get(action["id"]))["approval"]["votes"]
    assert (vote["person"], vote["in_place_of"], vote["group"], vote["stage"]) == ("out", "bob", "finance", 1)
    (entry,) = [entry for entry in await remit.entries(action["id"]) if entry["kind"] == "vote.accepted"]
    assert (entry["actor"]["id"], entry["data"]["in_place_of"]) == ("out", "bob")


async def test_the_page_says_that_nobody_could_be_excluded_for_a_requester_who_is_not_known(
    remit: Installation, people: dict[str, Browser]
) -> None:
    action = await remit.refund(context={"on_behalf_of": "ana@customer.example"})

    page = await people["ann"].get(f"/review/{action['id']}")

    assert "On behalf of ana@customer.example, who is not in the catalog: nobody could be excluded." in page.text
    assert action["approval"]["requester_unknown"] is True
    (entry,) = [entry for entry in await remit.entries(action["id"]) if entry["kind"] == "approval.requested"]
    assert entry["data"]["requester_unknown"] is True and "ana@" not in str(entry)

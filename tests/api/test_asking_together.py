"""Stages alongside each other, vetoes, steps that reach nobody and people asked by name, as people are told."""

from collections.abc import AsyncIterator

import pytest

from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.api.pages import Browser, signed_in
from tests.bundles import DOCUMENT, bundle
from tests.installation import Installation, installed

LEFT = {"id": "lea", "name": "Lea Left", "email": "lea@test.example", "left_on": "2026-01-31"}
BUNDLE = bundle(
    people=[*DOCUMENT["people"], LEFT],
    groups=[*DOCUMENT["groups"], {"id": "legal", "members": ["cem"]}],
    approvals=[
        {
            "id": "one",
            "stages": [{"group": "finance", "vetoes": 2}, {"group": "legal", "alongside": True}],
            "escalation": [{"after": "1s", "ask_person": "lea"}, {"after": "10h", "ask_person": "out"}],
            "expire_after": "2d",
        },
        *DOCUMENT["approvals"][1:],
    ],
)


@pytest.fixture(scope="module")
async def remit(shared_postgres: EmbeddedPostgres, shared_temporal: TemporalServer) -> AsyncIterator[Installation]:
    async with installed(shared_postgres, shared_temporal, "together", BUNDLE) as installation:
        yield installation


@pytest.fixture
async def out(remit: Installation) -> AsyncIterator[Browser]:
    """The browser of somebody who is in no group that is asked."""
    browser = await signed_in(remit, "out")
    yield browser
    await browser.http.aclose()


async def test_stages_asked_together_and_their_rejections_are_told(remit: Installation, out: Browser) -> None:
    action = await remit.refund()
    assert action["approval"]["open_stages"] == [1, 2]
    assert action["approval"]["groups"] == ["finance", "legal"]

    assert (await remit.vote(action, "ann", "reject", "Too much.")).json()["outcome"] is None
    assert (await remit.vote(action, "cem")).json()["outcome"] is None

    finance, legal = (await remit.get(action["id"]))["approval"]["stages"]
    assert finance == {
        "group": "finance",
        "quorum": 1,
        "approvals": 0,
        "vetoes": 2,
        "rejections": 1,
        "alongside": False,
    }
    assert (legal["approvals"], legal["alongside"]) == (1, True)
    page = await out.get(f"/review/{action['id']}")
    assert "finance: 0 of 1 votes; 1 of 2 rejections that end it" in page.text
    assert "legal: 1 of 1 votes, together with the one before" in page.text
    assert "One rejection ends it" not in page.text
    assert (await remit.vote(action, "bob")).json()["outcome"] == "approved"
    await remit.until(action["id"], "succeeded")


async def test_a_step_that_reaches_nobody_is_told_and_who_is_asked_by_name_can_vote(
    remit: Installation, out: Browser
) -> None:
    action = await remit.refund()
    while len(action["approval"]["escalations"]) < 2:
        action = await remit.until(action["id"], "pending_approval")

    skipped, reached = action["approval"]["escalations"]
    assert (skipped["person"], skipped["skipped"]) == (None, "lea: 'lea' has left or is not in the catalog")
    assert (reached["person"], reached["skipped"]) == ("out", None)
    assert action["approval"]["people"] == ["out"]
    assert action["id"] in (await out.get("/review")).source
    page = await out.get(f"/review/{action['id']}")
    assert "Asked nobody else: lea: 'lea' has left" in page.text
    assert "Escalated to Otto Outsider" in page.text
    assert "By nameOtto Outsider" in page.text

    told = await out.vote(action["id"], "reject", "Not this one.")

    assert told.notice().startswith("Your vote to reject counts")

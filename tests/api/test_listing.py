"""What a list of actions is asked for, and what it refuses."""

import base64
import json

import pytest

from tests.installation import Installation


def cursor(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


@pytest.mark.parametrize(
    "query",
    [
        {"agent": "\0"},
        {"use_case": "\0"},
        {"agent": "a b"},
        {"agent": "x" * 81},
        {"state": "finished"},
        {"tier": "extreme"},
        {"limit": "0"},
        {"limit": "201"},
        {"cursor": "AAAA"},
        {"cursor": "é"},
        {"cursor": cursor("2026-03-02T00:00:00+00:00", "\0" * 32)},
        {"cursor": cursor("2026-03-02T00:00:00+00:00", 7)},
        {"cursor": cursor("2026-03-02T00:00:00", "a" * 32)},
        {"cursor": cursor("0001-01-01T00:00:00+23:59", "a" * 32)},
        {"cursor": cursor("2026-03-02T00:00:00+00:00")},
        {"cursor": cursor({}, "a" * 32)},
    ],
    ids=str,
)
async def test_a_question_that_makes_no_sense_is_a_422(remit: Installation, query: dict[str, str]) -> None:
    answer = await remit.http.get("/v1/actions", headers=remit.client("admin"), params=query)

    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "invalid_request"


async def test_pages_join_without_a_gap(remit: Installation) -> None:
    made = [(await remit.submit({"customer": "c-7", "text": "x"})).json()["id"] for _ in range(5)]

    seen: list[str] = []
    place: str | None = None
    while len(seen) < 5:
        params = {"limit": "2", "agent": "clerk", **({"cursor": place} if place else {})}
        page = (await remit.http.get("/v1/actions", headers=remit.client("admin"), params=params)).json()
        seen += [item["id"] for item in page["items"]]
        place = page["next"]

    assert seen[:5] == made[::-1]


async def test_text_that_the_database_cannot_hold_is_no_reason_for_a_500(remit: Installation) -> None:
    said = {"prompt": "before\0after", "region": "\0"}
    action = (await remit.submit({"customer": "c-7", "text": "x\0y"}, wait=5, context=said)).json()
    assert action["state"] == "succeeded"
    assert remit.crm.of(action["id"])[0].body == {"text": "x\0y"}

    asked = await remit.refund()
    answer = await remit.vote(asked, "ann", "reject", "no\0pe")
    assert answer.status_code == 200, answer.text
    assert (await remit.get(asked["id"], wait=5))["state"] == "rejected"

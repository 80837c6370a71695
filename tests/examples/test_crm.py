from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from examples.marketing.crm import WRITES, Crm, create_app
from examples.marketing.demo import example_bundle
from examples.marketing.journal import Journal

TOKEN = "crm-token"


@asynccontextmanager
async def service(state: Path, token: str = TOKEN) -> AsyncIterator[httpx.AsyncClient]:
    """The service from its start to its end, and a client of it."""
    with closing(Journal(state)) as journal:
        transport = httpx.ASGITransport(create_app(Crm(journal), TOKEN))
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://crm", headers=headers) as client:
            yield client


@pytest.fixture
async def crm(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with service(tmp_path / "crm.jsonl") as client:
        yield client


async def offer(crm: httpx.AsyncClient, key: str | None, percent: int = 10) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key is not None else {}
    return await crm.post("/offers", json={"account_id": "A-1000", "discount_percent": percent}, headers=headers)


async def effects(crm: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await crm.get("/effects")).json()["effects"]
    return found


async def test_the_same_key_and_body_give_the_first_answer_and_no_second_effect(crm: httpx.AsyncClient) -> None:
    first, again = await offer(crm, "a"), await offer(crm, "a")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert [effect["key"] for effect in await effects(crm)] == ["a"]


async def test_the_same_key_with_another_request_is_a_conflict_without_an_effect(crm: httpx.AsyncClient) -> None:
    await offer(crm, "a")
    assert (await offer(crm, "a", percent=11)).status_code == 409
    body = {"account_id": "A-1000", "discount_percent": 10}
    assert (await crm.post("/refunds", json=body, headers={"Idempotency-Key": "a"})).status_code == 409
    assert len(await effects(crm)) == 1


async def test_another_key_is_another_effect(crm: httpx.AsyncClient) -> None:
    await offer(crm, "a")
    await offer(crm, "b")
    assert [effect["number"] for effect in await effects(crm)] == [1, 2]


async def test_without_a_key_or_an_object_nothing_happens(crm: httpx.AsyncClient) -> None:
    assert (await offer(crm, None)).status_code == 400
    assert (await offer(crm, "k" * 201)).status_code == 400
    for content in (b"", b"[]", b"{", b'{"a": NaN}', b'{"a": "\\ud800"}', b"[" * 50_000):
        answer = await crm.post("/offers", content=content, headers={"Idempotency-Key": "a"})
        assert answer.status_code == 400
    huge = await crm.post("/offers", content=b"{" + b" " * 70_000 + b"}", headers={"Idempotency-Key": "a"})
    assert huge.status_code == 413
    assert await effects(crm) == []


async def test_only_the_bearer_of_the_token_writes_and_reads(tmp_path: Path) -> None:
    async with service(tmp_path / "crm.jsonl", token="another") as stranger:
        assert (await offer(stranger, "a")).status_code == 401
        assert (await stranger.get("/effects")).status_code == 401
        assert (await stranger.get("/healthz")).status_code == 200


async def test_effects_survive_a_restart_and_a_line_that_was_cut_off_does_not(tmp_path: Path) -> None:
    state = tmp_path / "crm.jsonl"
    async with service(state) as before:
        first = await offer(before, "a")
    with state.open("ab") as file:
        file.write(b'{"number": 2, "key": "b", "ki')
    async with service(state) as after:
        assert (await offer(after, "a")).json() == first.json()
        assert (await offer(after, "b")).status_code == 201
        assert [effect["key"] for effect in await effects(after)] == ["a", "b"]
    with closing(Journal(state)) as journal:
        assert [record["key"] for record in journal.records] == ["a", "b"]


async def test_the_page_shows_effects_as_text(crm: httpx.AsyncClient) -> None:
    body = {"network": "mastodon", "text": "<script>alert(1)</script>"}
    await crm.post("/posts", json=body, headers={"Idempotency-Key": "a"})
    page = (await crm.get("/")).text
    assert "post_published" in page
    assert "<script>" not in page


def test_the_crm_has_what_the_policy_calls() -> None:
    wanted = {
        (str(action_type.settings["method"]), str(action_type.settings["path"]))
        for action_type in example_bundle().action_types
        if action_type.executor == "http.request"
    }
    assert wanted == set(WRITES)

"""NUL characters and halves of characters, which JSON can write and a database cannot store: never a fault of Remit."""

import asyncio
import json
import secrets
from typing import Any

import httpx
import pytest

from tests.installation import Installation

NUL, HALF = "\x00", "\ud800"
NOTE: dict[str, Any] = {
    "use_case": "support",
    "action_type": "note.add",
    "arguments": {"customer": "c-1", "text": "called"},
}
REFUND: dict[str, Any] = {
    "use_case": "support",
    "action_type": "refund.create",
    "arguments": {"customer": "c-1", "amount_minor": 5000},
}


async def post(remit: Installation, who: str, path: str, body: Any, **parameters: str) -> httpx.Response:
    """Send a body whose texts are written with escapes, as a client that does not look at them does."""
    headers = {**remit.client(who), "Idempotency-Key": secrets.token_hex(8), "Content-Type": "application/json"}
    return await remit.http.post(path, content=json.dumps(body), headers=headers, params=parameters)


def submissions(odd: str) -> dict[str, dict[str, Any]]:
    """Return submissions that hold a text in every field that has texts."""
    arguments = REFUND["arguments"]
    source = {"source": "mail", "locator": f"1{odd}", "content": f"hello{odd}"}
    return {
        "argument": {**NOTE, "arguments": {"customer": "c-1", "text": f"called{odd}"}},
        "argument that people read": {**REFUND, "arguments": {**arguments, "note": odd}},
        "name of an argument": {**NOTE, "arguments": {**NOTE["arguments"], f"more{odd}": 1}},
        "prompt": {**NOTE, "context": {"prompt": f"call{odd}"}},
        "prompt that people read": {**REFUND, "context": {"prompt": odd, "output": odd, "reasoning": odd}},
        "session": {**NOTE, "context": {"session_id": f"s{odd}"}},
        "person": {**NOTE, "context": {"on_behalf_of": f"ann{odd}"}},
        "region": {**NOTE, "context": {"region": f"EU{odd}"}},
        "source": {**NOTE, "context": {"sources": [source]}},
        "use case": {**NOTE, "use_case": f"support{odd}"},
        "action type": {**NOTE, "action_type": f"note.add{odd}"},
        "unknown field": {**NOTE, f"more{odd}": 1},
    }


REFUSED_NUL = {"name of an argument", "use case", "action type", "unknown field"}


@pytest.mark.parametrize("field", submissions(NUL))
async def test_a_nul_in_an_action_is_carried_or_refused_and_is_never_a_fault(remit: Installation, field: str) -> None:
    answer = await post(remit, "clerk", "/v1/actions", submissions(NUL)[field])

    if field in REFUSED_NUL:
        assert (answer.status_code, bool(answer.json()["detail"])) == (422, True), answer.text
        return
    assert answer.status_code == 202, answer.text
    action = await remit.until(answer.json()["id"], "succeeded", "pending_approval")
    assert (await remit.entries(action["id"]))[0]["kind"] == "action.requested"
    if action["state"] == "pending_approval":
        ballot = {"decision": "reject", "revision": action["revision"]["digest"], "reason": f"no{NUL}"}
        vote = await post(remit, "ann", f"/v1/actions/{action['id']}/votes", ballot)
        assert vote.status_code == 200, vote.text
        await remit.until(action["id"], "rejected")


@pytest.mark.parametrize("field", submissions(HALF))
async def test_half_of_a_character_in_an_action_is_refused(remit: Installation, field: str) -> None:
    answer = await post(remit, "clerk", "/v1/actions", submissions(HALF)[field])

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text
    assert "integers" not in answer.json()["detail"]


@pytest.mark.parametrize("odd", [NUL, HALF], ids=["nul", "half"])
async def test_such_a_text_is_no_idempotency_key(remit: Installation, odd: str) -> None:
    body = json.dumps(NOTE)
    lines = (
        "POST /v1/actions HTTP/1.1",
        "Host: remit",
        "Connection: close",
        f"Authorization: {remit.client('clerk')['Authorization']}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"Idempotency-Key: a{odd}b",
        "",
        body,
    )
    # Straight to the socket, because a client of HTTP refuses to send such a header.
    reader, writer = await asyncio.open_connection("127.0.0.1", remit.settings.api_port)
    writer.write("\r\n".join(lines).encode("utf-8", "surrogatepass"))
    status = (await reader.readline()).split()[1]
    writer.close()
    await writer.wait_closed()
    assert status in (b"400", b"422")


@pytest.mark.parametrize("odd", [NUL, HALF], ids=["nul", "half"])
async def test_such_a_text_in_a_path_or_a_filter_is_refused(remit: Installation, odd: str) -> None:
    escaped = "".join(f"%{byte:02x}" for byte in odd.encode("utf-8", "surrogatepass"))
    for path in (f"/v1/actions/{'0' * 31}{escaped}", f"/v1/actions?agent=a{escaped}", f"/v1/actions?cursor={escaped}"):
        answer = await remit.http.get(path, headers=remit.client("admin"))
        assert answer.status_code == 422, answer.text

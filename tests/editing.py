"""A bundle in which reviewers may edit, and its installation's callers who revise, answer and manage."""

import json
import secrets
from typing import Any

import httpx

from tests.bundles import DOCUMENT, bundle
from tests.installation import Installation

_REFUND = next(each for each in DOCUMENT["action_types"] if each["id"] == "refund.create")
_ORDER = {
    "id": "order.place",
    "title": "Place an order",
    "arguments": {
        "type": "object",
        "additionalProperties": False,
        "required": ["customer", "lines"],
        "properties": {
            "customer": {"type": "string"},
            "express": {"type": "boolean"},
            "discount": {"type": "number", "maximum": 50},
            "tags": {"type": "array", "items": {"type": "string", "maxLength": 20}},
            "message": {"type": "string", "maxLength": 5000},
            "lines": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"sku": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
                },
            },
        },
    },
    "executor": "http.request",
    "settings": {"system": "crm", "method": "POST", "path": "/orders"},
    "editable": ["express", "discount", "tags", "message", "lines[].count"],
}
BUNDLE = bundle(
    action_types=[
        *(each for each in DOCUMENT["action_types"] if each["id"] != "refund.create"),
        {**_REFUND, "editable": ["amount_minor", "note"]},
        _ORDER,
    ],
    use_cases=[
        {**DOCUMENT["use_cases"][0], "action_types": [*DOCUMENT["use_cases"][0]["action_types"], "order.place"]},
        *DOCUMENT["use_cases"][1:],
    ],
    risk={
        **DOCUMENT["risk"],
        "rules": [
            *DOCUMENT["risk"]["rules"],
            {
                "id": "ope.order",
                "dimension": "operational",
                "points": 3,
                "when": 'action_type == "order.place"',
                "because": "goods leave the house",
            },
        ],
    },
    approvals=[
        {
            "id": "one",
            "group": "finance",
            "escalation": [{"after": "2h", "remind": True}, {"after": "4h", "ask_group": "on-call"}],
            "expire_after": "2d",
            "extension": "1d",
        },
        {
            "id": "two",
            "group": "finance",
            "quorum": 2,
            "exclude_agent_owner": True,
            "expire_after": "1d",
            "rejection_reasons": [{"id": "amount", "title": "The amount is wrong"}, {"id": "other", "title": "Other"}],
        },
        {"id": "quick", "group": "finance", "quorum": 2, "edit_counts_as_approval": True, "expire_after": "1d"},
    ],
)
"""`one` reminds and may be extended; `two` takes two approvals, or a rejection for a listed reason; in the use case
`chat` an edit is an approval."""

ORDER = {
    "customer": "c-1",
    "express": False,
    "discount": 2.5,
    "tags": ["new", "gift"],
    "message": "First line.\r\nSecond line.",
    "lines": [{"sku": "A", "count": 1}, {"sku": "B", "count": 2}],
}


async def order(remit: Installation, **changes: Any) -> dict[str, Any]:
    """Submit an order, and return it once somebody is asked about it."""
    answer = await remit.submit({**ORDER, **changes}, action_type="order.place")
    assert answer.status_code == 202, answer.text
    return await remit.until(answer.json()["id"], "pending_approval")


async def post(
    remit: Installation, path: str, who: str, body: dict[str, Any], key: str | None = None
) -> httpx.Response:
    """Post to an action as a caller, under a key."""
    headers = {**remit.client(who), "Idempotency-Key": key or secrets.token_hex(8)}
    headers["Content-Type"] = "application/json"
    # Written in ASCII, so that a test can send what is no text.
    return await remit.http.post(f"/v1/actions/{path}", content=json.dumps(body), headers=headers)


async def revise(
    remit: Installation, action: dict[str, Any], who: str, key: str | None = None, **changed: Any
) -> httpx.Response:
    """Ask for other arguments than those that `action` shows."""
    revision = action["revision"]
    body = {"base": revision["digest"], "arguments": {**revision["arguments"], **changed}, "reason": "as agreed"}
    return await post(remit, f"{action['id']}/revisions", who, body, key)


async def revised(remit: Installation, action: dict[str, Any], who: str, **changed: Any) -> dict[str, Any]:
    """Revise an action, and return it as it stands then."""
    answer = await revise(remit, action, who, **changed)
    assert answer.status_code == 200, answer.text
    return await remit.get(action["id"])


async def answered(remit: Installation, action: dict[str, Any], said: str, who: str = "clerk") -> httpx.Response:
    """Answer the questions about an action."""
    return await post(remit, f"{action['id']}/answers", who, {"answer": said})


async def manage(
    remit: Installation, action: dict[str, Any], kind: str, who: str = "ann", **body: Any
) -> httpx.Response:
    """Reassign, snooze or extend an approval."""
    return await post(remit, f"{action['id']}/approval/{kind}", who, body)


async def kinds(remit: Installation, action: dict[str, Any]) -> list[str]:
    """Return the kinds of an action's ledger entries."""
    return [entry["kind"] for entry in await remit.entries(action["id"])]

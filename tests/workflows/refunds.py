"""Refunds that reviewers may edit, asked about by one rule, for tests of what people do with a question."""

from typing import Any

from domain.approval import Receipt
from domain.errors import RefusalCode
from tests.bundles import DOCUMENT, policy
from tests.workflows.world import World

TYPES = [
    {**kind, "editable": ["amount_minor", "note"]} if kind["id"] == "refund.create" else kind
    for kind in DOCUMENT["action_types"]
]


def asks_by(here: World, groups: list[dict[str, Any]], **rule: Any) -> None:
    """Let every refund be asked about by one rule."""
    named = {"id": "one", "expire_after": "2d", **({} if "stages" in rule else {"group": "finance"}), **rule}
    rest = [{**named, "id": name} for name in ("two", "quick")]
    here.policies.policy = policy(approvals=[named, *rest], groups=groups, action_types=TYPES)


def refused(receipt: Receipt | None) -> RefusalCode | None:
    assert receipt is not None
    return receipt.refusal.code if receipt.refusal else None

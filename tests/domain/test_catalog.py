"""The shape of the catalog's entries: what can be written, and what cannot."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from tests.domain.broken_bundles import Change, changed, part, put

RULE = {"id": "r", "dimension": "content", "points": 1, "because": "so"}


def risk(name: str, value: Any) -> Change:
    return part("risk", **{name: value})


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("30s", timedelta(seconds=30)),
        ("15m", timedelta(minutes=15)),
        ("4h", timedelta(hours=4)),
        ("2d", timedelta(days=2)),
        ("30d", timedelta(days=30)),
        ("PT4H", timedelta(hours=4)),
    ],
)
def test_durations_are_written_with_a_unit(written: str, meant: timedelta) -> None:
    bundle = changed(put("approvals", "two", expire_after=written))

    assert next(rule.expire_after for rule in bundle.approvals if rule.id == "two") == meant


@pytest.mark.parametrize(
    "written",
    [
        *("", "s", "h4", "4 h", "-4h", "4.5h", "0s", "4w", "²d", "31d", "1000h", "999999999d"),
        "9" * 30 + "d",
        *(30, 4.5, True, 0, float("inf"), None, [], "P1000000000000D"),
    ],
    ids=repr,
)
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        changed(put("approvals", "two", expire_after=written))


@pytest.mark.parametrize(
    "change",
    [
        put("agents", "clerk", id="Clerk"),
        put("agents", "clerk", id="clerk\n"),
        put("agents", "clerk", id="-clerk"),
        put("agents", "clerk", id="c" * 81),
        put("agents", "clerk", surprise=1),
        put("agents", "clerk", status="perhaps"),
        put("use_cases", "support", agents=[]),
        put("use_cases", "support", autonomy="total"),
        put("people", "ann", email="nowhere"),
        put("people", "ann", email="a b@test.example"),
        put("people", "ann", slack_user="ann"),
        put("groups", "finance", slack_channel="#finance"),
        put("approvals", "one", quorum=0),
        put("approvals", "one", quorum=21),
        risk("rules", [{**RULE, "when": "true", "points": 6}]),
        risk("rules", [{**RULE, "when": "true", "points": 0}]),
        risk("rules", [{**RULE, "when": "x" * 1001}]),
        risk("tiers", []),
        lambda document: document.pop("version"),
        lambda document: document.update(routes=[]),
        lambda document: document.update(surprise=1),
    ],
)
def test_what_has_the_wrong_shape_is_refused(change: Change) -> None:
    with pytest.raises(ValidationError):
        changed(change)

"""A bundle is checked as a whole: what is wrong with it is said, all of it, and nothing else."""

from datetime import date
from typing import Any

import pytest

from domain.catalog import Bundle
from domain.catalog.checking import checked
from domain.catalog.checking.required_tests import raised_to_high
from domain.catalog.checking.warnings import bundle_warnings
from domain.errors import BundleInvalid
from tests.domain.broken_bundles import (
    BROKEN,
    CONTROLLED,
    NOTE,
    TODAY,
    Change,
    add,
    away,
    changed,
    part,
    put,
    roles,
    route,
    rule,
    said_of,
    schema,
)


@pytest.mark.parametrize(("changes", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_bundle_is_told_what_is_wrong_and_what_to_do(changes: list[Change], said: list[str]) -> None:
    assert said_of(*changes) == said


def test_every_problem_is_reported_at_once() -> None:
    broken = changed(put("agents", "clerk", owner="ghost"), put("approvals", "two", quorum=9), schema())

    with pytest.raises(BundleInvalid) as refusal:
        checked(broken, TODAY)

    assert [problem.partition(":")[0] for problem in refusal.value.problems] == [
        "agents[0].owner",
        "action_types[0].arguments",
        "approvals[1].quorum",
    ]


SOUND: dict[str, list[Change]] = {
    "as it is": [],
    "a last route for two tiers with high": [route(-1, tiers=["medium", "high"])],
    "a last tier with spaces": [lambda document: document["risk"]["tiers"][-1].update(when=" true ")],
    "a schema with references inside itself": [
        schema(**{**NOTE, "properties": {**NOTE["properties"], "a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {}}})
    ],
    "a schema with a property called $ref, and one called maxlength": [
        schema(**{**NOTE, "properties": {**NOTE["properties"], "$ref": {"type": "string"}, "maxlength": {}}})
    ],
    "a schema with notes of its author": [schema(**{**NOTE, "x-note": "short", "$comment": "as agreed"})],
    "no rules": [part("risk", rules=[]), lambda document: document.update(tests=[])],
    "roles of every kind": [
        roles(amount="price", amount_unit="major", currency="currency", count="lines", recipients=["lines[].payee"])
    ],
    "a role in a part of the schema that leaves it open": [
        schema(**{**NOTE, "properties": {**NOTE["properties"], "extra": {}}}),
        put("action_types", "note.add", editable=["extra.anything[].at.all"]),
    ],
    "a group that comes from Slack": [
        put("groups", "finance", members=[], slack_usergroup="S01FINANCE"),
        put("groups", "on-call", members=[], slack_usergroup="S01ONCALL"),
    ],
    "an owner on the last day": [put("people", "olga", left_on=TODAY.isoformat())],
    "a member who left, with enough others": [
        put("people", "bob", left_on="2026-11-22"),
        put("approvals", "two", quorum=1),
    ],
    "trainings in force": [
        put("people", name, trainings=[{"tier": "high", "expires": TODAY.isoformat()}]) for name in ("ann", "bob")
    ],
    "stages of the same people, who may approve again": [
        add(
            "approvals",
            id="three",
            stages=[{"group": "finance", "quorum": 3}, {"group": "finance"}],
            exclude_earlier_stages=False,
            expire_after="1d",
        )
    ],
    "delegates in a row, and in a circle on different days": [
        put("people", "ann", absences=[away("2026-12-01", "2026-12-05", "bob"), away("2027-01-01", "2027-01-05")]),
        put("people", "bob", absences=[away("2026-12-06", "2026-12-08", "ann")]),
    ],
    "controls in force until today": [
        put(
            "use_cases",
            "chat",
            controls={
                "dpia": {"required": True, "status": "approved", "reference": "D-1", "expires": TODAY.isoformat()},
                "vendor_contract": {**CONTROLLED, "expires": TODAY.isoformat()},
            },
        )
    ],
    "controls that lapsed and say so": [
        put(
            "use_cases",
            "chat",
            controls={
                "dpia": {"required": True, "status": "draft", "expires": "2020-01-01"},
                "vendor_contract": {"required": True, "expires": "2020-01-01"},
            },
        )
    ],
    "rules that do not raise to high need no example": [
        rule(points=4, action_types=["mail.send"]),
        rule(id="s", dimension="privacy", points=3, action_types=["mail.send"]),
    ],
}


@pytest.mark.parametrize("changes", SOUND.values(), ids=SOUND.keys())
def test_a_sound_bundle_is_returned_as_it_is(changes: list[Change]) -> None:
    assert checked(changed(*changes), TODAY) == changed(*changes)


def test_a_bundle_that_is_sound_today_may_not_be_tomorrow() -> None:
    bundle = changed(put("people", "cem", left_on=TODAY.isoformat()))

    checked(bundle, TODAY)
    with pytest.raises(BundleInvalid, match="the escalation reaches nobody"):
        checked(bundle, date(2026, 11, 24))


def test_a_bundle_stored_as_json_reads_back_as_the_same_bundle() -> None:
    bundle = changed()

    assert checked(Bundle.model_validate_json(bundle.model_dump_json()), TODAY) == bundle


@pytest.mark.parametrize(
    ("rules", "raising"),
    [
        ([rule(points=4)], set()),
        ([rule(points=5)], {"r"}),
        ([rule(points=4), rule(id="s", dimension="privacy", points=3)], set()),
        ([rule(points=4), rule(id="s", dimension="privacy", points=4)], {"r", "s"}),
        ([rule(points=4, when="action_type == 'note.add'"), rule(id="s", dimension="privacy", points=4)], {"r", "s"}),
        (
            [
                rule(points=4, when="action_type == 'note.add' && amount > 5"),
                rule(id="s", dimension="privacy", points=4, action_types=["mail.send"]),
            ],
            set(),
        ),
        (
            [rule(points=4, use_cases=["chat"]), rule(id="s", dimension="privacy", points=4, use_cases=["ideas"])],
            set(),
        ),
    ],
)
def test_a_rule_can_raise_to_high_with_the_points_of_rules_about_the_same_actions(
    rules: list[Change], raising: set[str]
) -> None:
    only = [part("risk", rules=[]), *rules]
    conditions = [("high", "scores.total >= 8 || scores.content >= 5"), ("low", "true")]
    high = part("risk", tiers=[{"tier": tier, "when": when} for tier, when in conditions])

    assert set(raised_to_high(changed(*only, high))) == raising


CHECKS = part("guardrails", checks=[{"check": "links"}, {"check": "secrets"}])


def asking(condition: str, **values: Any) -> Change:
    """Return a change that adds a first route with a condition."""
    return lambda document: document["routes"].insert(0, {"do": "deny", "when": condition, **values})


@pytest.mark.parametrize(
    ("changes", "unasked"),
    [
        ([], ["links", "secrets"]),
        ([rule(when="signals.links.found")], ["secrets"]),
        ([rule(when="signals.links.found || 'iban' in signals.secrets.kinds")], []),
        ([rule(when="!has(signals.links) || 'secrets' in signals")], []),
        ([rule(when="signals['links'].found")], []),
        ([rule(when="signals.exists(name, name == 'links')")], []),
        ([asking("signals.secrets.found", tiers=["high"])], ["links"]),
        ([rule(when="region == 'signals.links.found' // signals.secrets.found")], ["links", "secrets"]),
        ([rule(when="context.signals.links.found")], ["links", "secrets"]),
    ],
)
def test_a_check_that_no_condition_asks_about_gives_a_warning(changes: list[Change], unasked: list[str]) -> None:
    warnings = [str(problem) for problem in bundle_warnings(changed(CHECKS, *changes))]

    numbers = {"links": 0, "secrets": 1}
    assert warnings == [
        f"guardrails.checks[{numbers[name]}].check: no condition asks what '{name}' found, so it raises "
        f"nothing: write a rule with when: signals.{name}.found, or take the check out"
        for name in unasked
    ]

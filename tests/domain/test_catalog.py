"""A bundle is checked as a whole: a table of broken ones, with what is said of each."""

import copy
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from domain.catalog import Bundle, checked
from domain.errors import BundleInvalid
from tests.bundles import DOCUMENT

Document = dict[str, Any]
Change = Callable[[Document], object]


def changed(change: Change) -> Bundle:
    """Return the small company's bundle after a change, checked."""
    document = copy.deepcopy(DOCUMENT)
    change(document)
    return checked(Bundle.model_validate(document))


def entry(document: Document, table: str, name: str) -> Document:
    return next(item for item in document[table] if item["id"] == name)


def put(table: str, name: str, **values: Any) -> Change:
    """Return a change of one entry of a table."""
    return lambda document: entry(document, table, name).update(values)


def twice(table: str, **values: Any) -> Change:
    """Return a change that repeats the first entry of a table, with other values."""
    return lambda document: document[table].append({**document[table][0], **values})


def risk(part: str, value: Any) -> Change:
    return lambda document: document["risk"].update({part: value})


def schema(value: Any) -> Change:
    return put("action_types", "note.add", arguments=value)


RULE = {"id": "r", "dimension": "content", "points": 1, "because": "so"}
ANYBODY = "known: ann, bob, cem, olga, out"
BROKEN: dict[str, tuple[Change, str]] = {
    "an agent twice": (twice("agents"), "agents: 'clerk' stands there twice; give each its own"),
    "a use case twice": (twice("use_cases"), "use_cases: 'support' stands there twice"),
    "an action type twice": (twice("action_types"), "action_types: 'note.add' stands there twice"),
    "a person twice": (
        twice("people", email="x@test.example", slack_user=None),
        "people: 'olga' stands there twice",
    ),
    "an address twice, in another case": (
        twice("people", id="olga2", email="OLGA@test.example", slack_user=None),
        "people.email: 'olga@test.example' stands there twice",
    ),
    "a Slack user twice": (
        twice("people", id="olga2", email="x@test.example"),
        "people.slack_user: 'U01OLGA' stands there twice",
    ),
    "a group twice": (twice("groups"), "groups: 'finance' stands there twice"),
    "an approval twice": (twice("approvals"), "approvals: 'one' stands there twice"),
    "a rule twice": (
        risk("rules", [{**RULE, "when": "true"}, {**RULE, "when": "false"}]),
        "risk.rules: 'r' stands there twice",
    ),
    "an agent's owner who is nobody": (
        put("agents", "clerk", owner="ghost"),
        f"agents.clerk.owner: no person 'ghost'; {ANYBODY}",
    ),
    "a use case's owner who is nobody": (
        put("use_cases", "support", owner="ghost"),
        f"use_cases.support.owner: no person 'ghost'; {ANYBODY}",
    ),
    "a use case with an unknown agent": (
        put("use_cases", "support", agents=["ghost"]),
        "use_cases.support.agents: no agent 'ghost'; known: clerk, other, retired",
    ),
    "a use case with an unknown action type": (
        put("use_cases", "support", action_types=["ghost"]),
        "use_cases.support.action_types: no action type 'ghost'",
    ),
    "a group with a member who is nobody": (
        put("groups", "finance", members=["ann", "bob", "ghost"]),
        "groups.finance.members: no person 'ghost'",
    ),
    "an approval by an unknown group": (
        put("approvals", "one", group="ghosts"),
        "approvals.one.group: no group 'ghosts'; known: finance, on-call",
    ),
    "an escalation to an unknown group": (
        put("approvals", "one", escalate_to="ghosts"),
        "approvals.one.escalate_to: no group 'ghosts'",
    ),
    "a route for an unknown use case": (
        lambda document: document["routes"][2].update(use_cases=["ghost"]),
        "routes[2].use_cases: no use case 'ghost'",
    ),
    "a route with an unknown approval": (
        lambda document: document["routes"][3].update(approval="ghost"),
        "routes[3].approval: no approval 'ghost'; known: one, quick, two",
    ),
    "a quorum larger than its group": (
        put("approvals", "two", quorum=4),
        "approvals.two.quorum: 4 of 'finance', which has 3 members",
    ),
    "a quorum that counts one member twice": (
        put("groups", "finance", members=["ann", "ann"]),
        "approvals.two.quorum: 2 of 'finance', which has 1 members",
    ),
    "escalate_to without escalate_after": (
        put("approvals", "one", escalate_after=None),
        "approvals.one: escalate_after and escalate_to go together",
    ),
    "escalate_after without escalate_to": (
        put("approvals", "one", escalate_to=None),
        "approvals.one: escalate_after and escalate_to go together",
    ),
    "a reminder after the deadline": (
        put("approvals", "one", remind_after="3d"),
        "approvals.one: remind_after and escalate_after must come before expire_after",
    ),
    "an escalation at the deadline": (
        put("approvals", "one", escalate_after="2d"),
        "approvals.one: remind_after and escalate_after must come before expire_after",
    ),
    "a question to nobody": (
        lambda document: document["routes"][3].pop("approval"),
        "routes[3]: 'do: ask' needs an approval, and nothing else has one",
    ),
    "an execution with an approval": (
        lambda document: document["routes"][1].update(approval="one"),
        "routes[1]: 'do: ask' needs an approval, and nothing else has one",
    ),
    "a last route with a condition": (
        lambda document: document["routes"][-1].update(when="true"),
        "routes[4]: the last route must take every use case and at least tier high",
    ),
    "a last route for some use cases": (
        lambda document: document["routes"][-1].update(use_cases=["chat"]),
        "routes[4]: the last route must take every use case and at least tier high",
    ),
    "a last route that leaves high out": (
        lambda document: document["routes"][-1].update(tiers=["low", "medium"]),
        "routes[4]: the last route must take every use case and at least tier high",
    ),
    "a last tier with a condition": (
        lambda document: document["risk"]["tiers"].pop(),
        "risk.tiers: the last tier's condition must be 'true', so that every action has a tier",
    ),
    "a schema that is none": (
        schema({"type": "object", "required": "customer"}),
        "action_types.note.add.arguments: not a JSON Schema: 'customer' is not of type 'array'",
    ),
    "a schema with a pattern that is none": (
        schema({"type": "object", "properties": {"a": {"pattern": "("}}}),
        "action_types.note.add.arguments: not a JSON Schema: '(' is not a 'regex'",
    ),
    "a schema that is not of an object": (
        schema({"type": "string"}),
        "action_types.note.add.arguments: must say 'type: object'",
    ),
    "a schema with a reference to nothing": (
        schema({"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}}),
        "action_types.note.add.arguments: no '#/$defs/b' in this schema; a reference must stay inside it",
    ),
    "a schema that would have to be fetched": (
        schema({"type": "object", "properties": {"a": {"$ref": "https://schemas.test.example/a.json"}}}),
        "action_types.note.add.arguments: no 'https://schemas.test.example/a.json' in this schema",
    ),
    "a rule that does not parse": (
        risk("rules", [{**RULE, "when": "arguments.a ="}]),
        "risk.rules.r.when: Failed to parse expression",
    ),
    "a rule on the scores, which it makes": (
        risk("rules", [{**RULE, "when": "scores.total > 1"}]),
        "risk.rules.r.when: no variable 'scores'",
    ),
    "a rule that builds lists": (
        risk("rules", [{**RULE, "when": "arguments.a.map(a, a) == []"}]),
        "risk.rules.r.when: 'map' is not allowed",
    ),
    "a tier on the arguments": (
        risk("tiers", [{"tier": "high", "when": "arguments.a > 1"}, {"tier": "low", "when": "true"}]),
        "risk.tiers[0].when: no variable 'arguments'; known: scores",
    ),
    "a route that does not parse": (
        lambda document: document["routes"][0].update(when=")"),
        "routes[0].when: Failed to parse expression",
    ),
}


@pytest.mark.parametrize(("change", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_bundle_is_refused_with_its_problem(change: Change, said: str) -> None:
    with pytest.raises(BundleInvalid) as refusal:
        changed(change)

    assert any(problem.startswith(said) for problem in refusal.value.problems), refusal.value.problems


def test_every_problem_is_reported_at_once() -> None:
    def break_three(document: Document) -> None:
        for change in (put("agents", "clerk", owner="ghost"), put("approvals", "two", quorum=9), schema({})):
            change(document)

    with pytest.raises(BundleInvalid) as refusal:
        changed(break_three)

    assert len(refusal.value.problems) == 3


SOUND: dict[str, Change] = {
    "as it is": lambda document: None,
    "a last route for two tiers with high": lambda document: document["routes"][-1].update(tiers=["medium", "high"]),
    "a last tier with spaces": lambda document: document["risk"]["tiers"][-1].update(when=" true "),
    "a schema with references inside itself": schema(
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {"type": "string"}}}
    ),
    "a schema with a property called $ref": schema({"type": "object", "properties": {"$ref": {"type": "string"}}}),
    "no rules": risk("rules", []),
}


@pytest.mark.parametrize("change", SOUND.values(), ids=SOUND.keys())
def test_a_sound_bundle_is_returned_as_it_is(change: Change) -> None:
    assert changed(change).id == "test-company"


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
        put("groups", "finance", members=[]),
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


def test_a_bundle_stored_as_json_reads_back_as_the_same_bundle() -> None:
    bundle = changed(lambda document: None)

    assert checked(Bundle.model_validate_json(bundle.model_dump_json())) == bundle

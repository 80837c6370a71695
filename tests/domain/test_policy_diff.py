import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.canonical import canonical_bytes
from domain.catalog import Bundle
from domain.document_diff import changes
from domain.policy_diff import MAX_LENGTH, MAX_LINES, differences
from tests.bundles import DOCUMENT, bundle

Change = Callable[[dict[str, Any]], object]
RULE = {"id": "new", "dimension": "privacy", "points": 2, "when": "true", "because": "new"}
LIMITS = {
    "rate_limits": [{"id": "rate", "limit": 5, "window": "1h"}],
    "permissions": [{"id": "all", "agents": ["clerk"]}],
    "checks": [{"check": "links"}],
}
STAGED = {
    "id": "staged",
    "stages": [{"group": "finance", "vetoes": 2}, {"group": "on-call", "alongside": True, "when": "tier == 'high'"}],
    "escalation": [{"after": "2h", "clock": "business", "remind": True}],
    "expire_after": "1d",
}
OLD = {
    **DOCUMENT,
    "guardrails": LIMITS,
    "approvals": [*DOCUMENT["approvals"], STAGED],
    "rotations": [{"id": "weekly", "members": ["ann", "bob"], "starts_on": "2026-11-02"}],
}


def lines(change: Change) -> list[str]:
    """What is said about the bundle after a change of its document."""
    document = copy.deepcopy(OLD)
    change(document)
    return differences(Bundle.model_validate(OLD), Bundle.model_validate(document))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(version="2"), "version: '1' -> '2'"),
        (lambda d: d["risk"]["rules"][0].update(points=2), "loosens: rule 'fin.refund', points: 3 -> 2"),
        (lambda d: d["risk"]["rules"][0].update(points=4), "tightens: rule 'fin.refund', points: 3 -> 4"),
        (lambda d: d["risk"]["rules"][1].update(when="true"), "rule 'fin.large', when: 'action_type == "),
        (lambda d: d["risk"]["rules"].append(RULE), "tightens: rule 'new' is added: dimension 'privacy'; points 2; "),
        (lambda d: d["risk"]["rules"].pop(0), "loosens: rule 'fin.refund' is removed: dimension 'financial'; "),
        (
            lambda d: d["risk"]["tiers"][1].update(when="scores.total >= 4"),
            "tier 'medium', when: 'scores.total >= 3' -> 'scores.total >= 4'",
        ),
        (lambda d: d["routes"][1].update(do="ask", approval="one"), "route 2, do: 'execute' -> 'ask'"),
        (lambda d: d["routes"].reverse(), "routes: in another order: do 'deny'; when 'action_type"),
        (lambda d: d["approvals"][1].update(quorum=1), "loosens: approval 'two', quorum: 2 -> 1"),
        (lambda d: d["approvals"][1].update(group="on-call"), "approval 'two', group: 'finance' -> 'on-call'"),
        (lambda d: d["approvals"][1].update(expire_after="3d"), "approval 'two', expire_after: 'P1D' -> 'P3D'"),
        (
            lambda d: d["use_cases"][0].update(autonomy="autonomous"),
            "loosens: use case 'support', autonomy: 'reviewed_above_low' -> 'autonomous'",
        ),
        (
            lambda d: d["use_cases"][2].update(autonomy="off"),
            "tightens: use case 'ideas', autonomy: 'suggest_only' -> 'off'",
        ),
        (lambda d: d["use_cases"][0].update(title="x"), "use case 'support', title: 'Customer support' -> 'x'"),
        (
            lambda d: d["use_cases"][0].update(controls={"dpia": {"required": True}}),
            "tightens: use case 'support', controls.dpia.required: false -> true",
        ),
        (
            lambda d: d["agents"][0].update(status="suspended"),
            "tightens: agent 'clerk', status: 'active' -> 'suspended'",
        ),
        (
            lambda d: d["agents"].append({"id": "new", "title": "New", "owner": "olga"}),
            "loosens: agent 'new' is added: title 'New'; owner 'olga'; status 'active'",
        ),
        (lambda d: d["groups"][1]["members"].append("ann"), "loosens: group 'on-call', members: 'ann' joins"),
        (lambda d: d["groups"][0]["members"].remove("ann"), "tightens: group 'finance', members: 'ann' leaves"),
        (
            lambda d: d["guardrails"]["rate_limits"][0].update(limit=6),
            "loosens: rate limit 'rate', limit: 5 -> 6",
        ),
        (
            lambda d: d["guardrails"]["rate_limits"][0].update(window="2h"),
            "tightens: rate limit 'rate', window: 'PT1H' -> 'PT2H'",
        ),
        (
            lambda d: d["guardrails"]["rate_limits"][0].update(on_exceed="medium"),
            "loosens: rate limit 'rate', on_exceed: 'refuse' -> 'medium'",
        ),
        (lambda d: d["guardrails"].update(checks=[]), "loosens: check 'links' is removed: "),
        (lambda d: d["guardrails"]["checks"].append({"check": "secrets"}), "tightens: check 'secrets' is added: "),
        (lambda d: d["guardrails"].update(permissions=[]), "permission 'all' is removed: agents [\"clerk\"]"),
        (
            lambda d: d["action_types"][2]["arguments"]["properties"]["amount_minor"].update(minimum=2),
            "action type 'refund.create', arguments.properties.amount_minor.minimum: 1 -> 2",
        ),
        (
            lambda d: d["action_types"][2]["arguments"]["properties"].pop("note"),
            'action type \'refund.create\', arguments.properties.note: {"type": "string", "maxLength": 500} is removed',
        ),
        (
            lambda d: d["approvals"][3]["stages"][0].update(vetoes=3),
            "loosens: approval 'staged', stages.finance.vetoes: 2 -> 3",
        ),
        (
            lambda d: d["approvals"][3]["stages"][1].pop("when"),
            "approval 'staged', stages.on-call.when: 'tier == 'high'' -> none",
        ),
        (
            lambda d: d["approvals"][3]["stages"][1].update(alongside=False),
            "approval 'staged', stages.on-call.alongside: true -> false",
        ),
        (
            lambda d: d["approvals"][3]["escalation"].append({"after": "4h", "ask_person": "out"}),
            "approval 'staged', escalation",
        ),
        (
            lambda d: d["approvals"][1].update(step_up=["high"]),
            "tightens: approval 'two', step_up: 'high' is added",
        ),
        (
            lambda d: d["approvals"][1].update(edit_counts_as_approval=True),
            "loosens: approval 'two', edit_counts_as_approval: false -> true",
        ),
        (lambda d: d["rotations"][0]["members"].append("cem"), "loosens: rotation 'weekly', members: 'cem' joins"),
        (lambda d: d["rotations"][0].update(turn_days=14), "rotation 'weekly', turn_days: 7 -> 14"),
        (lambda d: d.update(attention={"max_open": 5}), "attention, max_open: 20 -> 5"),
        (
            lambda d: d["groups"][0].update(calendar={"holidays": "DE-BY"}),
            "group 'finance', calendar.holidays: none -> 'DE-BY'",
        ),
        (lambda d: d["policy_changes"].update(approval="one"), "policy changes, approval: 'two' -> 'one'"),
        (lambda d: d.update(hold_group="on-call"), "hold_group: none -> 'on-call'"),
        (lambda d: d["tests"].clear(), "test 'large-refund' is removed: "),
    ],
)
def test_each_change_is_said_in_plain_words(change: Change, said: str) -> None:
    assert any(line.startswith(said) for line in lines(change)), lines(change)


def test_what_loosens_comes_first_and_what_tightens_last() -> None:
    def change(document: dict[str, Any]) -> None:
        document["agents"][0]["status"] = "suspended"
        document["version"] = "2"
        document["approvals"][1]["quorum"] = 1

    assert [line.partition(":")[0] for line in lines(change)] == ["loosens", "version", "tightens"]


def test_an_approval_that_is_written_as_stages_instead_is_not_called_looser_or_stricter() -> None:
    def change(document: dict[str, Any]) -> None:
        two = document["approvals"][1]
        del two["group"], two["quorum"]
        two["stages"] = [{"group": "finance", "quorum": 2}]

    said = lines(change)
    assert len(said) == 3
    assert all(line.startswith("approval 'two', ") for line in said), said


def test_a_route_put_in_between_is_added_and_the_others_stay() -> None:
    said = lines(lambda document: document["routes"].insert(1, {"do": "deny", "tiers": ["high"]}))
    assert said == ["route 2 is added: do 'deny'; tiers [\"high\"]"]


def test_one_and_true_are_not_the_same() -> None:
    def change(document: dict[str, Any]) -> None:
        document["action_types"][2]["arguments"]["properties"]["amount_minor"]["minimum"] = True

    assert lines(change) == ["action type 'refund.create', arguments.properties.amount_minor.minimum: 1 -> true"]


def test_a_title_cannot_pass_for_a_line_of_its_own_or_turn_the_text_around() -> None:
    (line,) = lines(lambda document: document.update(version="2\ntightens: \u202eeverything"))
    assert line == "version: '1' -> '2\\u000atightens: \\u202eeverything'"


def test_a_long_text_is_shown_from_where_it_differs() -> None:
    texts = [f"{'true && ' * 110}{end}" for end in ("true", "false")]
    old, new = (bundle(risk={**DOCUMENT["risk"], "rules": [{**RULE, "when": text}]}) for text in texts)
    (line,) = differences(old, new)
    before, after = line.split(" -> ")
    assert before.endswith("&& true'")
    assert after.startswith("...")
    assert after.endswith("&& false'")
    assert len(line) <= MAX_LENGTH


def test_the_lines_are_bounded_and_say_what_is_left_out() -> None:
    many = [{**RULE, "id": f"r{number}", "because": "y" * 200, "when": "x" * 1000} for number in range(MAX_LINES + 5)]
    found = differences(bundle(), bundle(risk={**DOCUMENT["risk"], "rules": [*DOCUMENT["risk"]["rules"], *many]}))

    assert len(found) == MAX_LINES
    assert max(map(len, found)) <= MAX_LENGTH
    assert found[-1] == "6 more differences are not listed; compare the files of the bundles"


PARTS = ["agents", "use_cases", "action_types", "people", "groups", "routes", "approvals", "tests"]


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """The bundle's document with some of its lists shuffled, cut and repeated, and some texts replaced."""
    document = copy.deepcopy(DOCUMENT)
    for part in draw(st.lists(st.sampled_from(PARTS), max_size=3)):
        document[part] = draw(st.lists(st.sampled_from(DOCUMENT[part]), min_size=1, max_size=6))
    document["version"] = draw(st.sampled_from(["1", "2"]))
    document["action_types"] = [
        {**kind, "settings": draw(st.dictionaries(st.sampled_from("ab"), st.sampled_from([1, True, "1", None, [1]])))}
        for kind in document["action_types"]
    ]
    return document


@given(documents(), documents())
def test_there_are_no_differences_only_where_the_documents_are_the_same(one: Any, other: Any) -> None:
    old, new = Bundle.model_validate(one), Bundle.model_validate(other)
    same = canonical_bytes(old.model_dump(mode="json")) == canonical_bytes(new.model_dump(mode="json"))

    assert differences(old, old) == []
    assert (differences(old, new) == []) == same


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "check", "a"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(JSON, JSON)
def test_documents_without_a_change_between_them_are_the_same(one: Any, other: Any) -> None:
    assert (list(changes(one, other)) == []) == (canonical_bytes(one) == canonical_bytes(other))
    assert list(changes(one, json.loads(canonical_bytes(one)))) == []

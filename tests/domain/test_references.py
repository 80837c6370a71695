"""References: conditions find in what was made for them all they would find in everything."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.expression import RuleFailed, compile_expression, context_of, holds
from domain.references import asked_by, asked_part

VARIABLES: dict[str, Any] = {
    "agent": {"id": "clerk", "owner": {"id": "olga", "left": False}},
    "signals": {"links": {"found": True, "kinds": ["a"]}, "style": {"found": False, "kinds": []}},
    "arguments": {"body": "found", "tags": ["x", "y"], "inner": {"b": 1}},
    "amount": 7,
}
CASES: dict[str, dict[str, Any]] = {
    "amount > 3": {"amount": None},
    "agent.owner.id == 'olga'": {"agent": {"owner": {"id": None}}},
    "agent . owner\n. id == 'olga'": {"agent": {"owner": {"id": None}}},
    "agent.owner // comment.inner\n .left": {"agent": {"owner": {"left": None}}},
    "arguments.body.contains('signals.links')": {"arguments": {"body": None}},
    "arguments.body .matches ('x')": {"arguments": {"body": None}},
    "arguments.tags[0] == 'x'": {"arguments": {"tags": None}},
    "arguments['body'] == 'found'": {"arguments": None},
    "signals.links.found && 'a' in signals.links.kinds": {"signals": {"links": {"found": None, "kinds": None}}},
    "signals.links.found || size(signals.links) > 1": {"signals": {"links": None}},
    "size(signals) > 1 || signals.links.found": {"signals": None},
    "signals == signals": {"signals": None},
    "has(agent.title) || has(agent.owner)": {"agent": {"title": None, "owner": None}},
    "arguments.tags.exists(tag, tag == 'y')": {"arguments": {"tags": None}, "tag": None},
}


@pytest.mark.parametrize("condition", CASES)
def test_a_condition_asks_for_the_members_it_names(condition: str) -> None:
    found = asked_by([condition])

    assert {name: found[name] for name in CASES[condition]} == CASES[condition]


def outcome(condition: str, variables: dict[str, Any]) -> object:
    try:
        return holds(compile_expression(condition, frozenset(VARIABLES)), context_of(variables))
    except RuleFailed as failure:
        return str(failure)


OPERANDS = st.sampled_from(
    [
        "agent.owner.left",
        "agent.id == 'clerk'",
        "agent['id'] == 'clerk'",
        "agent == {'id': 'clerk'}",
        "has(agent.title)",
        "has(agent.owner.left)",
        "agent.owner.missing",
        "'owner' in agent",
        "signals.links.found",
        "size(signals) == 2",
        "signals.style.kinds == []",
        "signals.all(name, signals[name].found)",
        "arguments.tags.exists(agent, agent == 'y')",
        "arguments.inner == {'b': 1}",
        "arguments.body.startsWith('f')",
        "'agent.id' == arguments.body",
        "amount == 7",
        "dyn(amount).value == 7",
    ]
)


TERMS = st.tuples(OPERANDS, st.sampled_from(["&&", "||"]))


@given(st.lists(TERMS, min_size=1, max_size=5, unique_by=lambda term: term[0]), st.lists(OPERANDS))
def test_what_is_left_out_changes_no_answer(terms: list[tuple[str, str]], others: list[str]) -> None:
    condition = " ".join(f"({term}) {joint}" for term, joint in terms) + " true"
    asked = asked_by([condition, *others])

    made = {name: asked_part(VARIABLES[name], asked[name]) for name in VARIABLES if name in asked}

    assert outcome(condition, made) == outcome(condition, VARIABLES)

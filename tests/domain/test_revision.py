"""Revisions: what changed, and what of it a reviewer may change."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.revision import changed_paths, not_editable

BEFORE: dict[str, Any] = {"to": "a", "lines": [{"amount": 1, "text": "x"}, {"amount": 2, "text": "y"}], "n": 1}
CASES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({"to": "b"}, ["to"]),
    ({"n": True}, ["n"]),
    ({"n": "1"}, ["n"]),
    ({"new": 1}, ["new"]),
    ({"lines": [{"amount": 1, "text": "x"}, {"amount": 9, "text": "y"}]}, ["lines[].amount"]),
    ({"lines": [{"amount": 1, "text": "x"}]}, ["lines[]"]),
    ({"lines": []}, ["lines[]"]),
    ({"lines": None}, ["lines"]),
    ({"to.x": 1}, ["*"]),
    ({"to[]": 1, "": 2}, ["*"]),
]


@pytest.mark.parametrize(("change", "paths"), CASES, ids=str)
def test_each_change_is_named_by_its_place(change: dict[str, Any], paths: list[str]) -> None:
    assert changed_paths(BEFORE, {**BEFORE, **change}) == paths


def test_what_is_left_out_is_a_change() -> None:
    assert changed_paths(BEFORE, {key: value for key, value in BEFORE.items() if key != "to"}) == ["to"]


@pytest.mark.parametrize(
    ("changed", "editable", "refused"),
    [
        (["to"], ["to"], []),
        (["to"], [], ["to"]),
        (["to.name"], ["to"], []),
        (["to"], ["to.name"], ["to"]),
        (["total"], ["to"], ["total"]),
        (["lines[].amount"], ["lines[].amount"], []),
        (["lines[].amount"], ["lines[]"], []),
        (["lines[].amount"], ["lines"], []),
        (["lines[]"], ["lines[].amount"], ["lines[]"]),
        (["*"], ["to", "lines"], ["*"]),
    ],
)
def test_a_path_covers_what_lies_under_it_and_nothing_else(
    changed: list[str], editable: list[str], refused: list[str]
) -> None:
    assert not_editable(changed, editable) == refused


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "a.b", "[]"]), inner),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.sampled_from(["a", "b", "a.b", ""]), JSON, max_size=4)


@given(OBJECTS, OBJECTS)
def test_no_difference_goes_unnamed(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert (changed_paths(before, after) == []) is (same(before, after))
    assert changed_paths(before, before) == []


@given(OBJECTS, OBJECTS)
def test_with_only_one_place_editable_all_others_stay_as_they_are(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    if not not_editable(changed_paths(before, after), ["a"]):
        rest = [{key: value for key, value in each.items() if key != "a"} for each in (before, after)]
        assert same(rest[0], rest[1])


def same(one: Any, other: Any) -> bool:
    """Compare JSON values with their types: 1 is not true."""
    return repr(ordered(one)) == repr(ordered(other))


def ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted((key, ordered(inner)) for key, inner in value.items())
    return [ordered(inner) for inner in value] if isinstance(value, list) else value

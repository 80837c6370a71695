"""What an edit changed, field by field."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.canonical import canonical_bytes
from domain.revision_diff import diff

names = st.text(st.characters(codec="utf-8"), max_size=3)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(names, values, max_size=4)


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ({}, {}, []),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, [("a", "1", "true")]),
        ({"a": None}, {}, [("a", "null", None)]),
        ({}, {"a": None}, [("a", None, "null")]),
        ({"b": 1, "a": 1}, {"a": 2, "c": 3}, [("a", "1", "2"), ("c", None, "3"), ("b", "1", None)]),
        ({"to": {"name": "x", "id": 1}}, {"to": {"name": "y", "id": 1}}, [("to.name", '"x"', '"y"')]),
        ({"l": [{"n": 1}, 2]}, {"l": [{"n": 3}, 2]}, [("l[0].n", "1", "3")]),
        ({"l": [1]}, {"l": [1, 2]}, [("l", "[1]", "[1,2]")]),
        ({"l": [1]}, {"l": {"0": 1}}, [("l", "[1]", '{"0":1}')]),
        ({"a.b": 1, "a": {"b": 1}}, {"a.b": 2, "a": {"b": 1}}, [('["a.b"]', "1", "2")]),
        ({"a": {"": 1}}, {"a": {"": 2}}, [('a[""]', "1", "2")]),
    ],
)
def test_the_fields_that_differ_are_named_with_both_values(
    before: dict[str, Any], after: dict[str, Any], changed: list[tuple[str, str | None, str | None]]
) -> None:
    assert [tuple(each) for each in diff(before, after)] == changed


@given(before=objects, after=objects)
def test_nothing_differs_exactly_when_both_are_one_revision(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert (diff(before, after) == []) == (canonical_bytes(before) == canonical_bytes(after))
    assert diff(before, before) == []


@given(before=objects, after=objects)
def test_every_field_is_named_once_and_the_way_back_is_the_same(before: dict[str, Any], after: dict[str, Any]) -> None:
    there, back = diff(before, after), diff(after, before)

    assert len({each.path for each in there}) == len(there)
    assert {(each.path, each.after, each.before) for each in there} == {tuple(each) for each in back}

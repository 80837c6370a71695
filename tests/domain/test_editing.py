"""The form of an edit: which fields it has, and what filling it in makes of the arguments."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.canonical import canonical_bytes
from domain.editing import MAX_FIELDS, EditForm, FieldKind, edited, form_of
from domain.errors import InvalidRequest
from domain.revision import changed_paths, not_editable

SCHEMA = {
    "type": "object",
    "properties": {
        "note": {"type": ["string", "null"]},
        "count": {"type": "integer"},
        "express": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "shares": {"type": "array", "items": {"type": "number"}},
        "odd": {"anyOf": [{"type": "string"}]},
        "refund": {"type": "object", "properties": {"amount": {"type": "number"}}},
    },
}


def form(arguments: dict[str, Any], *editable: str) -> EditForm:
    return form_of(arguments, editable, SCHEMA)


def filled(arguments: dict[str, Any], *editable: str, **typed: str) -> dict[str, Any]:
    """Fill in the fields by their labels, `__` standing for ` › `."""
    found = form(arguments, *editable)
    keys = {field.label: field.key for field in found.fields}
    return edited(arguments, found, {keys[label.replace("__", " › ")]: text for label, text in typed.items()})


@pytest.mark.parametrize(
    ("arguments", "editable", "offered"),
    [
        ({"to": "ann", "note": "x"}, ["note"], {"note": "text"}),
        ({"to": "ann"}, ["note", "count", "express"], {"note": "text", "count": "number", "express": "yes/no"}),
        ({"note": None}, ["note"], {"note": "text"}),
        ({"count": None}, ["odd", "unknown", "refund.unknown"], {}),
        ({}, ["refund.amount"], {}),
        ({"refund": {}}, ["refund.amount"], {"refund › amount": "number"}),
        ({"refund": {"amount": 1, "why": "y"}}, ["refund"], {"refund › amount": "number", "refund › why": "text"}),
        ({"tags": ["a", "b"]}, ["tags"], {"tags": "list of texts"}),
        ({"tags": ["a", "b"]}, ["tags[]", "tags"], {"tags": "list of texts"}),
        ({"tags": []}, ["tags"], {"tags": "list of texts"}),
        ({}, ["tags", "shares"], {"tags": "list of texts", "shares": "list of numbers"}),
        ({"tags": ["a\nb", "c"]}, ["tags"], {"tags › [0]": "text", "tags › [1]": "text"}),
        ({"shares": [1, 2.5]}, ["shares"], {"shares": "list of numbers"}),
        ({"lines": [{"n": 1}, {"n": 2}]}, ["lines[].n"], {"lines › [0] › n": "number", "lines › [1] › n": "number"}),
        ({"lines": "none"}, ["lines[].n"], {}),
        (
            {"deep": {"yes": True, "list": [True, None]}},
            ["deep"],
            {"deep › yes": "yes/no", "deep › list › [0]": "yes/no"},
        ),
    ],
)
def test_a_form_has_the_fields_that_may_be_changed(
    arguments: dict[str, Any], editable: list[str], offered: dict[str, str]
) -> None:
    assert {field.label: field.kind.value for field in form(arguments, *editable).fields} == offered


@pytest.mark.parametrize(
    ("arguments", "typed", "after"),
    [
        ({"note": "a"}, {"note": "b"}, {"note": "b"}),
        ({"note": "a\r\nb"}, {"note": "a\nb"}, {"note": "a\r\nb"}),
        ({"note": "a\r\nb"}, {"note": "a\r\nc"}, {"note": "a\nc"}),
        ({"note": "5"}, {"note": "6"}, {"note": "6"}),
        ({}, {"note": ""}, {}),
        ({}, {"note": "x", "count": "3", "express": "false"}, {"note": "x", "count": 3, "express": False}),
        ({"note": None}, {"note": ""}, {"note": None}),
        ({"count": 5}, {"count": " 6 "}, {"count": 6}),
        ({"count": 5}, {"count": "-0.5"}, {"count": -0.5}),
        ({"count": 1e21}, {"count": "1e+21"}, {"count": 1e21}),
        ({"express": True}, {"express": "false"}, {"express": False}),
        ({"tags": ["a", "b"]}, {"tags": "b\r\n\r\nc\r\n"}, {"tags": ["b", "c"]}),
        ({"tags": ["a"]}, {"tags": ""}, {"tags": []}),
        ({"shares": [1]}, {"shares": "1\n2.5"}, {"shares": [1, 2.5]}),
    ],
)
def test_what_is_typed_becomes_a_value_of_the_field_s_kind(
    arguments: dict[str, Any], typed: dict[str, str], after: dict[str, Any]
) -> None:
    before = json.dumps(arguments)

    made = filled(arguments, "note", "count", "express", "tags", "shares", **typed)

    assert (json.dumps(made), json.dumps(arguments)) == (json.dumps(after), before)


@pytest.mark.parametrize(
    ("arguments", "typed"),
    [
        ({"count": 5}, {"count": "five"}),
        ({"count": 5}, {"count": ""}),
        ({"count": 5}, {"count": "1,5"}),
        ({"count": 5}, {"count": "0x10"}),
        ({"count": 5}, {"count": "NaN"}),
        ({"count": 5}, {"count": "\u0663"}),
        ({"count": 5}, {"count": "1" * 40}),
        ({"shares": [1]}, {"shares": "1\ntwo"}),
        ({"express": True}, {"express": "maybe"}),
        ({"express": True}, {"express": ""}),
    ],
)
def test_what_is_none_of_the_field_s_kind_is_refused_with_its_name(
    arguments: dict[str, Any], typed: dict[str, str]
) -> None:
    with pytest.raises(InvalidRequest, match=next(iter(typed))):
        filled(arguments, "count", "shares", "express", **typed)


def test_a_key_of_no_field_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="no field 'f0'"):
        edited({"note": "x"}, form({"note": "x"}, "note"), {"f0": "y"})


def test_what_a_form_cannot_carry_is_named_and_not_offered() -> None:
    found = form({"note": "a\x00b", "tags": ["x"]}, "note", "tags")

    assert ([field.label for field in found.fields], found.left_out) == (["tags"], ["note"])


def test_a_form_has_so_many_fields_and_names_the_others() -> None:
    lines = [{"n": number} for number in range(MAX_FIELDS + 2)]

    found = form({"lines": lines}, "lines[].n")

    assert len(found.fields) == MAX_FIELDS
    assert found.left_out == [f"lines › [{MAX_FIELDS}] › n", f"lines › [{MAX_FIELDS + 1}] › n"]


NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
EDITABLE = st.lists(st.sampled_from(["a", "b", "a.b", "a[]", "a[].b", "b.c", "c[].a"]), max_size=4)


@given(st.dictionaries(NAMES, VALUES, max_size=3), EDITABLE)
def test_a_form_that_comes_back_as_a_browser_sends_it_changes_nothing(
    arguments: dict[str, Any], editable: list[str]
) -> None:
    found = form(arguments, *editable)
    sent = {f.key: f.text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n") for f in found.fields}

    assert edited(arguments, found, sent) == arguments


@given(st.dictionaries(NAMES, VALUES, max_size=3), EDITABLE, st.data())
def test_whatever_is_typed_changes_only_what_may_be_changed(
    arguments: dict[str, Any], editable: list[str], data: st.DataObject
) -> None:
    found = form(arguments, *editable)
    texts = {
        FieldKind.NUMBER: st.just("7"),
        FieldKind.NUMBERS: st.just("7\n8\n9"),
        FieldKind.YES_NO: st.sampled_from(["true", "false"]),
    }
    typed = {field.key: data.draw(texts.get(field.kind, st.text())) for field in found.fields}

    after = edited(arguments, found, typed)

    try:
        canonical_bytes([arguments, after])
    except InvalidRequest:
        return  # text or a number that no action can have
    assert not_editable(changed_paths(arguments, after), editable) == []

"""The canonical form, by the examples of RFC 8785 and by its laws."""

import json
import math
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from domain.canonical import MAX_BYTES, MAX_DEPTH, canonical_bytes, digest, require_shallow, revision_bytes
from domain.errors import InvalidRequest, TooLarge

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: abs(number) < 2**53)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), VALUES, max_size=5)


def test_the_example_of_the_rfc_has_the_bytes_that_the_rfc_gives() -> None:
    # RFC 8785, sections 3.2.2 to 3.2.4
    value = json.loads(
        r"""{
          "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
          "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
          "literals": [null, true, false]
        }"""
    )

    assert canonical_bytes(value).hex() == (
        "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a"
        "5b3333333333333333332e333333333333332c31652b33302c342e352c302e3030322c31652d3237"
        "5d2c22737472696e67223a22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f227d"
    )


def test_keys_are_sorted_by_their_utf_16_code_units() -> None:
    # RFC 8785, section 3.2.3
    value = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }

    assert list(json.loads(canonical_bytes(value)).values()) == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, b"0"),
        (-0.0, b"0"),
        (1.0, b"1"),
        (5e-324, b"5e-324"),
        (1.7976931348623157e308, b"1.7976931348623157e+308"),
        (295147905179352830000.0, b"295147905179352830000"),
        (1e21, b"1e+21"),
        (9.999999999999997e22, b"9.999999999999997e+22"),
        (0.000001, b"0.000001"),
        (1e-7, b"1e-7"),
        (2**53 - 1, b"9007199254740991"),
    ],
)
def test_numbers_are_written_as_the_rfc_writes_them(number: float, text: bytes) -> None:
    assert canonical_bytes(number) == text


@pytest.mark.parametrize(
    "value",
    [
        2**53,
        -(2**53),
        10**30,
        math.nan,
        math.inf,
        -math.inf,
        "\ud800",
        "a\udfffb",
        {"\udc00": 1},
        {1: "a"},
        {None: "a"},
        {"a": b"bytes"},
        {"a": object()},
        [{"deep": [math.nan]}],
    ],
    ids=repr,
)
def test_what_the_form_cannot_carry_without_loss_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequest):
        canonical_bytes(value)


@pytest.mark.parametrize("number", [1e16, 2.0**53, -1e20, 9007199254740993.0])
def test_a_revision_refuses_a_number_that_would_read_back_as_a_large_integer(number: float) -> None:
    with pytest.raises(InvalidRequest, match="send large integers as strings"):
        revision_bytes({"amount": number})


def test_a_revision_may_be_as_large_as_the_limit_and_no_larger() -> None:
    room = MAX_BYTES - len(b'{"t":""}')

    assert len(revision_bytes({"t": "x" * room})) == MAX_BYTES
    with pytest.raises(TooLarge, match=rf"take {MAX_BYTES + 1} bytes; the limit is {MAX_BYTES}"):
        revision_bytes({"t": "x" * (room + 1)})


def nested(levels: int) -> Any:
    """Return a value of so many levels."""
    value: Any = "leaf"
    for level in range(levels - 1):
        value = [value] if level % 2 else {"a": value}
    return value


def test_a_value_may_nest_as_deep_as_the_limit_and_no_deeper() -> None:
    require_shallow(nested(MAX_DEPTH))
    with pytest.raises(TooLarge, match=f"deeper than {MAX_DEPTH} levels"):
        require_shallow(nested(MAX_DEPTH + 1))


def test_a_value_far_too_deep_is_refused_without_recursion() -> None:
    with pytest.raises(TooLarge):
        revision_bytes({"a": nested(100_000)})


def reordered(value: Any) -> Any:
    """Return the same value with the keys of every object the other way round."""
    if isinstance(value, dict):
        return {key: reordered(inner) for key, inner in reversed(value.items())}
    return [reordered(inner) for inner in value] if isinstance(value, list) else value


def told_apart(value: Any) -> Any:
    """Return a key that is equal for equal JSON values only: Python holds `True == 1`, JSON does not."""
    if isinstance(value, dict):
        return ("object", tuple(sorted((key, told_apart(inner)) for key, inner in value.items())))
    if isinstance(value, list):
        return ("array", tuple(told_apart(inner) for inner in value))
    if value is None or isinstance(value, bool):
        return ("word", str(value))
    return ("text", value) if isinstance(value, str) else ("number", repr(float(value) + 0.0))


@given(OBJECTS)
def test_the_order_of_keys_makes_no_difference(value: dict[str, Any]) -> None:
    assert canonical_bytes(reordered(value)) == canonical_bytes(value)


@given(VALUES, VALUES)
def test_different_values_have_different_bytes(one: Any, other: Any) -> None:
    assert (canonical_bytes(one) == canonical_bytes(other)) is (told_apart(one) == told_apart(other))


@given(OBJECTS)
def test_the_bytes_read_back_as_the_same_value_with_the_same_bytes(value: dict[str, Any]) -> None:
    data = canonical_bytes(value)

    assert told_apart(json.loads(data)) == told_apart(value)
    assert canonical_bytes(json.loads(data)) == data


def test_a_digest_names_its_bytes() -> None:
    assert digest(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

"""The reports of a change of the policy, cut to what an action may carry."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.policy_change import ARGUMENTS, DIFFERENCES_BYTES, MAX_LINE, REPLAY_BYTES, fitting

LEFT_OUT = "{} more lines do not fit here; see all of them before you decide"
MAX_LINES = ARGUMENTS["properties"]["differences"]["maxItems"]


def size(lines: list[str]) -> int:
    return len(json.dumps(lines).encode())


@pytest.mark.parametrize(
    ("lines", "limit", "fit"),
    [
        ([], 1000, []),
        (["a", "b"], 1000, ["a", "b"]),
        ([""], 1000, [""]),
        (["x" * (MAX_LINE + 1)], 4000, ["x" * MAX_LINE]),
        (["a\x00b"], 1000, [r"a\u0000b"]),
        (["x" * 500, "y" * 500, "z"], 1000, ["x" * 500, LEFT_OUT.format(2)]),
        (["x" * 900], 1000, [LEFT_OUT.format(1)]),
    ],
    ids=["none", "short", "empty", "long line", "nul", "too many bytes", "not even one"],
)
def test_lines_are_kept_as_long_as_they_fit(lines: list[str], limit: int, fit: list[str]) -> None:
    assert fitting(lines, limit) == fit


def test_as_many_lines_as_the_schema_takes_are_kept_and_of_more_the_last_says_how_many_are_left_out() -> None:
    whole, more = ["x"] * (MAX_LINES - 1), ["x"] * (MAX_LINES + 5)

    assert fitting(whole, DIFFERENCES_BYTES) == whole
    cut = fitting(more, DIFFERENCES_BYTES)
    assert len(cut) == MAX_LINES
    assert cut[-1] == LEFT_OUT.format(len(more) - (MAX_LINES - 1))


@given(
    st.lists(st.text(max_size=3000) | st.text(st.sampled_from('\x00"\\é😀'), max_size=3000), max_size=40),
    st.sampled_from([DIFFERENCES_BYTES, REPLAY_BYTES]),
)
def test_what_fits_is_storable_small_enough_and_never_silent_about_the_rest(lines: list[str], limit: int) -> None:
    fit = fitting(lines, limit)

    assert size(fit) <= limit + len("[]")
    assert all(len(line) <= MAX_LINE and "\x00" not in line for line in fit)
    kept = len(fit) if len(fit) == len(lines) and fit[-1:] != [LEFT_OUT.format(1)] else len(fit) - 1
    assert fit[kept:] == ([] if kept == len(lines) else [LEFT_OUT.format(len(lines) - kept)])
    assert fit[:kept] == [line.replace("\x00", r"\u0000")[:MAX_LINE] for line in lines[:kept]]

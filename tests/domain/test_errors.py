"""The tree of errors is what its drawing says, and nothing in it is left without a translation."""

import re
from collections.abc import Iterator

import pytest

import domain.errors
from api.problems import REFUSAL_STATUS, STATUS, TITLE, status_of
from domain.errors import Refusal, RefusalCode, Refused, RemitError, RequestError, Unavailable

_LINE = re.compile(r"^[│├└─ ]*(?P<name>[A-Z]\w+)(?: {2,}(?P<code>[a-z_]+) {2,}(?P<retryable>yes|no)\b)?", re.MULTILINE)
_OWN_CODE = re.compile(r"Refused +a Refusal's own code +no\b")


def drawing() -> str:
    """Return the part of the docstring that draws the tree."""
    text = domain.errors.__doc__ or ""
    return text[text.index("RemitError") : text.index("They are translated")]


def tree(root: type[RemitError] = RemitError) -> Iterator[type[RemitError]]:
    """Yield every error below `root`, parents first."""
    for child in root.__subclasses__():
        yield child
        yield from tree(child)


ALL: list[type[RemitError]] = [RemitError, *tree()]
LEAVES = [error for error in ALL if not error.__subclasses__()]
DRAWN = {found["name"]: found for found in _LINE.finditer(drawing())}


def test_the_drawing_has_every_error_and_no_other() -> None:
    assert sorted(DRAWN) == sorted(error.__name__ for error in ALL)


@pytest.mark.parametrize("error", [leaf for leaf in LEAVES if leaf is not Refused])
def test_each_leaf_is_drawn_with_its_code_and_whether_a_retry_may_help(error: type[RemitError]) -> None:
    drawn = DRAWN[error.__name__]

    assert (drawn["code"], drawn["retryable"]) == (error.code, "yes" if error.retryable else "no")


def test_the_refusal_is_drawn_with_its_own_code() -> None:
    assert _OWN_CODE.search(drawing())
    assert Refused.retryable is False


def test_the_drawing_has_the_shape_of_the_tree() -> None:
    def depth(name: str) -> int:
        line = next(line for line in drawing().splitlines() if re.search(rf"\b{name}\b", line))
        return line.index(name) // 4

    for error in tree():
        (parent,) = error.__bases__
        assert depth(error.__name__) == depth(parent.__name__) + 1, error


def test_no_two_errors_share_a_code() -> None:
    codes = [error.code for error in ALL]

    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("error", [leaf for leaf in LEAVES if issubclass(leaf, RequestError) and leaf is not Refused])
def test_every_request_error_has_a_status_that_blames_the_caller(error: type[RemitError]) -> None:
    assert 400 <= STATUS[error] < 500
    assert STATUS[error] in TITLE
    assert not error.retryable


@pytest.mark.parametrize("error", [leaf for leaf in LEAVES if issubclass(leaf, Unavailable)])
def test_every_outage_has_status_503_and_may_be_retried(error: type[RemitError]) -> None:
    assert STATUS[error] == 503
    assert error.retryable


@pytest.mark.parametrize("code", RefusalCode)
def test_every_refusal_has_a_status(code: RefusalCode) -> None:
    refused = Refused(Refusal(code=code, message="because"))

    assert status_of(refused) == REFUSAL_STATUS[code]
    assert 400 <= REFUSAL_STATUS[code] < 500
    assert REFUSAL_STATUS[code] in TITLE
    assert str(refused) == "because"


def test_an_error_that_should_never_reach_a_caller_is_a_bug() -> None:
    assert status_of(domain.errors.EffectUnknown("it may have happened")) == 500


@pytest.mark.parametrize("error", ALL)
def test_every_error_says_what_it_means(error: type[RemitError]) -> None:
    assert error.__doc__

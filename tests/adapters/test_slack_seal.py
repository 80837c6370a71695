"""What buttons carry cannot be read, made up or changed."""

import doctest
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from adapters.notifiers import button_seal
from adapters.notifiers.slack import seal as module
from adapters.notifiers.slack.seal import Choice, Seal
from domain.errors import InvalidRequest, NotFound
from settings import Settings

SEAL = Seal(SecretStr("the key of this company"))
CHOICE = Choice(action="0123456789abcdef" * 2, revision="sha256:" + "ab" * 32, channel="C01FINANCE")
SEALED = SEAL.sealed(CHOICE)

choices = st.builds(
    Choice,
    action=st.from_regex(r"\A[0-9a-f]{32}\Z"),
    revision=st.from_regex(r"\Asha256:[0-9a-f]{64}\Z"),
    channel=st.from_regex(r"\A[CDGUW][A-Z0-9]{2,30}\Z"),
)


def test_the_example_in_the_docstring_holds() -> None:
    result = doctest.testmod(module)

    assert result.failed == 0 and result.attempted > 0


@given(choice=choices)
def test_what_was_sealed_is_opened_and_fits_a_block_id(choice: Choice) -> None:
    sealed = SEAL.sealed(choice)

    assert SEAL.opened(sealed) == choice
    assert len(f"remit:{sealed}") <= 255
    assert SEAL.sealed(choice) == sealed


@given(one=choices, other=choices)
def test_different_choices_have_different_seals(one: Choice, other: Choice) -> None:
    assert (SEAL.sealed(one) == SEAL.sealed(other)) == (one == other)


def test_a_seal_shows_neither_the_action_nor_the_revision_nor_the_channel() -> None:
    assert not any(part in SEALED for part in (CHOICE.action, CHOICE.revision[7:], CHOICE.channel))


@pytest.mark.parametrize("place", range(len(SEALED)))
def test_a_seal_with_any_character_changed_is_refused(place: int) -> None:
    for character in "AZaz09-_":
        if character != SEALED[place]:
            with pytest.raises(InvalidRequest, match="not one of Remit's buttons"):
                SEAL.opened(SEALED[:place] + character + SEALED[place + 1 :])


@pytest.mark.parametrize("length", range(len(SEALED)))
def test_a_seal_that_was_cut_off_is_refused(length: int) -> None:
    with pytest.raises(InvalidRequest):
        SEAL.opened(SEALED[:length])


@given(text=st.text(max_size=300))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        SEAL.opened(text)


def test_the_seal_of_another_key_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        Seal(SecretStr("the key of another company")).opened(SEALED)


def configured(**changes: Any) -> Settings:
    return Settings(_env_file=None, **changes)


def test_without_a_key_of_its_own_the_seal_is_derived_from_the_bot_token_which_api_and_workers_share() -> None:
    worker = button_seal(configured(slack_bot_token="xoxb-1"))
    api = button_seal(configured(slack_bot_token="xoxb-1", slack_signing_secret="s" * 32))

    assert api.opened(worker.sealed(CHOICE)) == CHOICE
    with pytest.raises(InvalidRequest):
        button_seal(configured(slack_bot_token="xoxb-2")).opened(worker.sealed(CHOICE))


def test_with_a_key_buttons_outlive_the_bot_token() -> None:
    before = button_seal(configured(slack_bot_token="xoxb-1", slack_button_key="k" * 32))
    after = button_seal(configured(slack_bot_token="xoxb-2", slack_button_key="k" * 32))

    assert after.opened(before.sealed(CHOICE)) == CHOICE


def test_a_key_that_could_be_guessed_is_not_taken() -> None:
    with pytest.raises(ValidationError, match="slack_button_key"):
        configured(slack_button_key="short")


def test_where_nothing_of_slack_is_set_there_is_no_seal() -> None:
    with pytest.raises(NotFound, match="REMIT_SLACK_BOT_TOKEN"):
        button_seal(configured())


@given(content=st.text(max_size=500), user=st.from_regex(r"\A[UW][A-Z0-9]{2,30}\Z"), form=st.text(max_size=40))
def test_a_form_is_opened_for_its_person_and_as_itself_alone(content: str, user: str, form: str) -> None:
    sealed = SEAL.sealed_form(content, user, form)

    assert SEAL.opened_form(sealed, user, form) == content
    assert len(sealed) <= 3000
    for other in ((user + "X", form), (user, form + "x"), (form, user + "0")):
        with pytest.raises(InvalidRequest, match="not made by Remit for this person"):
            SEAL.opened_form(sealed, *other)


@pytest.mark.parametrize("sealed", ["", "A", "é", SEALED, SEAL.sealed_form("x", "U01ANN", "form")[:-2], "=" * 50])
def test_what_was_not_sealed_into_a_form_is_refused(sealed: str) -> None:
    with pytest.raises(InvalidRequest):
        SEAL.opened_form(sealed, "U01ANN", "form")


def test_what_a_form_carries_is_no_button() -> None:
    with pytest.raises(InvalidRequest):
        SEAL.opened(SEAL.sealed_form("x" * 60, "U01ANN", "form"))

from datetime import UTC, date, datetime, timedelta

import pytest

from domain.absences import LONGEST, declared_absence, with_declared
from domain.authority import Question, may_vote, stand_in
from domain.catalog import Absence, Person
from domain.errors import InvalidRequest
from tests.bundles import policy

NOW = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
TODAY = date(2026, 11, 23)
RULES = policy()
ANN = RULES.people["ann"]
PEOPLE = list(RULES.people.values())


def away(person: Person, first: date, last: date, delegate: str | None = None) -> Person:
    absence = Absence(first_day=first, last_day=last, delegate=delegate)
    return person.model_copy(update={"absences": [*person.absences, absence]})


@pytest.mark.parametrize("named", ["bob", "BOB@test.example", "u01bob", "Bob  Approver", " bob "])
def test_a_delegate_is_named_as_people_name_each_other(named: str) -> None:
    absence = declared_absence(ANN, PEOPLE, TODAY + timedelta(days=3), named, NOW)

    assert absence == Absence(first_day=TODAY, last_day=date(2026, 11, 26), delegate="bob")


def test_nobody_has_to_stand_in() -> None:
    assert declared_absence(ANN, PEOPLE, TODAY, "", NOW).delegate is None


def test_today_is_the_day_it_is_for_the_person() -> None:
    berlin = ANN.model_copy(update={"calendar": ANN.calendar.model_copy(update={"time_zone": "Europe/Berlin"})})

    absence = declared_absence(berlin, PEOPLE, TODAY + timedelta(days=1), "bob", NOW)

    assert absence.first_day == TODAY + timedelta(days=1)
    with pytest.raises(InvalidRequest, match="not between today"):
        declared_absence(berlin, PEOPLE, TODAY, "bob", NOW)


@pytest.mark.parametrize(
    ("until", "delegate", "said"),
    [
        (TODAY - timedelta(days=1), "bob", "not between today"),
        (TODAY + LONGEST + timedelta(days=1), "bob", "a year from now"),
        (TODAY, "ann", "stands in for themselves"),
        (TODAY, "nobody", "nobody in the catalog is 'nobody'"),
        (TODAY, "Left Leavers", "has left"),
        (TODAY, "gone", "is away until 2026-11-30"),
        (TODAY, "Same Name", "nobody in the catalog"),
    ],
)
def test_what_cannot_be_declared_says_why(until: date, delegate: str, said: str) -> None:
    bob = RULES.people["bob"]
    people = [
        *PEOPLE,
        bob.model_copy(update={"id": "left", "name": "Left Leavers", "left_on": TODAY - timedelta(days=1)}),
        away(bob.model_copy(update={"id": "gone", "name": "Gone"}), TODAY, date(2026, 11, 30)),
        bob.model_copy(update={"id": "one", "name": "Same Name"}),
        bob.model_copy(update={"id": "two", "name": "Same Name"}),
    ]

    with pytest.raises(InvalidRequest, match=said):
        declared_absence(ANN, people, until, delegate, NOW)


def test_a_declared_absence_lets_the_delegate_vote_while_it_lasts_and_not_longer() -> None:
    declared = {"ann": Absence(first_day=TODAY, last_day=TODAY, delegate="out")}
    rules = RULES.with_absences(declared)

    def votes(at: datetime) -> bool:
        return may_vote("out", rules, Question(at=at, groups=["finance"])).refusal is None

    assert votes(NOW)
    assert not votes(NOW + timedelta(days=1))
    assert may_vote("out", RULES, Question(at=NOW, groups=["finance"])).refusal is not None
    excluded = Question(at=NOW, groups=["finance"], excluded={"out": "the agent acts on their behalf"})
    assert may_vote("out", rules, excluded).refusal is not None


def test_the_delegate_that_the_policy_names_comes_before_the_one_that_was_declared() -> None:
    people = {**RULES.people, "ann": away(ANN, TODAY, TODAY, "bob")}

    after = with_declared(people, {"ann": Absence(first_day=TODAY, last_day=TODAY, delegate="out")})

    rules = policy()
    rules.people = after
    assert stand_in("ann", rules, (), NOW) == "bob"


def test_declaring_nothing_any_more_leaves_the_people_of_the_policy() -> None:
    declared = {"ann": Absence(first_day=TODAY, last_day=TODAY), "nobody": Absence(first_day=TODAY, last_day=TODAY)}

    assert RULES.with_absences(declared).with_absences({}).people == RULES.people
    assert with_declared(RULES.people, declared).keys() == RULES.people.keys()

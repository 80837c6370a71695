import pytest

from domain.authority import find_person, may_vote
from domain.errors import RefusalCode
from tests.bundles import policy

POLICY = policy()


@pytest.mark.parametrize("name", ["ann", "ANN", " ann ", "ann@test.example", "Ann@Test.Example", "ann@test.example\n"])
def test_a_person_is_found_by_id_or_address_in_any_case(name: str) -> None:
    found = find_person(POLICY.people.values(), name)

    assert found is not None
    assert found.id == "ann"


@pytest.mark.parametrize("name", ["", " ", "an", "annn", "Ann Approver", "ann@other.example", "@test.example"])
def test_what_only_resembles_a_person_finds_nobody(name: str) -> None:
    assert find_person(POLICY.people.values(), name) is None


@pytest.mark.parametrize(
    ("person", "asked", "excluded", "group", "code"),
    [
        ("ann", ["finance"], {}, "finance", None),
        ("cem", ["finance"], {}, None, RefusalCode.NOT_ELIGIBLE),
        ("cem", ["finance", "on-call"], {}, "on-call", None),
        ("ann", ["on-call"], {}, None, RefusalCode.NOT_ELIGIBLE),
        ("out", ["finance", "on-call"], {}, None, RefusalCode.NOT_ELIGIBLE),
        ("nobody", ["finance"], {}, None, RefusalCode.NOT_ELIGIBLE),
        ("Ann", ["finance"], {}, None, RefusalCode.NOT_ELIGIBLE),
        ("ann@test.example", ["finance"], {}, None, RefusalCode.NOT_ELIGIBLE),
        ("ann", ["finance"], {"ann": "the agent acts on their behalf"}, None, RefusalCode.SELF_APPROVAL),
        ("bob", ["finance"], {"ann": "the agent acts on their behalf"}, "finance", None),
        ("cem", ["finance"], {"cem": "they own the agent"}, None, RefusalCode.SELF_APPROVAL),
        ("ann", ["finance-of-last-year"], {}, None, RefusalCode.NOT_ELIGIBLE),
        ("ann", [], {}, None, RefusalCode.NOT_ELIGIBLE),
    ],
)
def test_who_may_vote(
    person: str, asked: list[str], excluded: dict[str, str], group: str | None, code: RefusalCode | None
) -> None:
    found = may_vote(person, POLICY.people, POLICY.groups, asked, excluded)

    assert found.person == person
    assert found.group == group
    assert (found.refusal.code if found.refusal else None) == code


def test_a_refusal_says_who_was_asked_and_why_somebody_is_excluded() -> None:
    outsider = may_vote("out", POLICY.people, POLICY.groups, ["finance", "on-call"], {})
    owner = may_vote("olga", POLICY.people, POLICY.groups, ["finance"], {"olga": "they own the agent 'clerk'"})

    assert outsider.refusal is not None and owner.refusal is not None
    assert outsider.refusal.message == "'out' is not in finance or on-call, who are asked"
    assert owner.refusal.message == "'olga' may not vote here: they own the agent 'clerk'"


def test_membership_is_read_at_the_moment_of_the_vote() -> None:
    smaller = policy(groups=[{"id": "finance", "members": ["bob", "olga"]}, {"id": "on-call", "members": ["cem"]}])

    before = may_vote("ann", POLICY.people, POLICY.groups, ["finance"], {})
    after = may_vote("ann", smaller.people, smaller.groups, ["finance"], {})

    assert before.group == "finance"
    assert after.group is None

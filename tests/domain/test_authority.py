from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.action import Tier
from domain.authority import MAX_DELEGATES, Eligibility, Question, expected_voters, find_person, may_vote, stand_in
from domain.catalog import Bundle
from domain.errors import RefusalCode
from domain.policy import Policy
from tests.bundles import DOCUMENT, policy

POLICY = policy()
NOW = datetime(2026, 11, 4, 10, tzinfo=UTC)
AWAY = {"first_day": "2026-11-02", "last_day": "2026-11-06"}


def company(**changes: dict[str, Any]) -> Policy:
    """Return the tests' policy with some of its people changed: `company(ann={"left_on": ...})`.

    It is not checked as a whole, because authority must hold for what loading a bundle would turn away, too.
    """
    people = [{**person, **changes.get(person["id"], {})} for person in DOCUMENT["people"]]
    return Policy(Bundle.model_validate({**DOCUMENT, "people": people}), "sha256:" + "b" * 64)


def away(delegate: str | None = None, **days: str) -> dict[str, Any]:
    return {"absences": [{**AWAY, **days, "delegate": delegate}]}


def vote(person: str, rules: Policy = POLICY, **question: Any) -> Eligibility:
    """Ask whether a person may vote; on a question to finance unless said otherwise."""
    return may_vote(person, rules, Question(**{"at": NOW, "groups": ["finance"], **question}))


def told(found: Eligibility) -> str:
    assert found.refusal is not None, found
    return f"{found.refusal.code.value}: {found.refusal.message}"


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
    found = vote(person, groups=asked, excluded=excluded)

    assert found.person == person
    assert found.group == group
    assert (found.refusal.code if found.refusal else None) == code


def test_a_refusal_says_who_was_asked_and_why_somebody_is_excluded() -> None:
    outsider = vote("out", groups=["finance", "on-call"])
    owner = vote("olga", excluded={"olga": "they own the agent 'clerk'"})

    assert told(outsider) == "not_eligible: 'out' is not in finance or on-call, who are asked"
    assert told(owner) == "self_approval: 'olga' may not vote here: they own the agent 'clerk'"


def test_membership_is_read_at_the_moment_of_the_vote() -> None:
    smaller = policy(groups=[{"id": "finance", "members": ["bob", "olga"]}, {"id": "on-call", "members": ["cem"]}])

    assert vote("ann").group == "finance"
    assert vote("ann", smaller).group is None


@pytest.mark.parametrize(
    ("zone", "at", "may"),
    [
        ("UTC", "2026-11-04T23:59:59+00:00", True),
        ("UTC", "2026-11-05T00:00:00+00:00", False),
        ("Asia/Tokyo", "2026-11-04T14:59:59+00:00", True),
        ("Asia/Tokyo", "2026-11-04T15:00:00+00:00", False),
        ("America/New_York", "2026-11-05T04:59:59+00:00", True),
    ],
)
def test_who_has_left_may_not_vote_from_the_day_after_in_their_own_time(zone: str, at: str, may: bool) -> None:
    rules = company(ann={"left_on": "2026-11-04", "calendar": {"time_zone": zone}})

    found = vote("ann", rules, at=datetime.fromisoformat(at), approving=False)

    assert (found.group == "finance") is may
    if not may:
        assert told(found) == (
            "not_eligible: 'ann' left on 2026-11-04 and may not vote any more; if that is wrong, tell an admin"
        )


def training(tier: str, expires: str, reference: str | None = None) -> dict[str, Any]:
    return {"tier": tier, "expires": expires, "reference": reference}


@pytest.mark.parametrize(
    ("trainings", "tier", "may"),
    [
        ([], Tier.HIGH, True),
        ([training("high", "2027-01-01")], Tier.HIGH, True),
        ([training("high", "2027-01-01")], Tier.LOW, True),
        ([training("medium", "2027-01-01")], Tier.MEDIUM, True),
        ([training("medium", "2027-01-01")], Tier.HIGH, False),
        ([training("high", "2026-11-04")], Tier.HIGH, True),  # the last day counts
        ([training("high", "2026-11-03")], Tier.HIGH, False),
        ([training("high", "2026-11-03")], Tier.LOW, False),
        ([training("high", "2026-11-03"), training("medium", "2027-01-01")], Tier.MEDIUM, True),
        ([training("high", "2026-11-03"), training("medium", "2027-01-01")], Tier.HIGH, False),
        ([training("high", "2026-11-03"), training("high", "2027-01-01")], Tier.HIGH, True),
    ],
)
def test_whoever_has_trainings_approves_only_what_one_in_force_covers(
    trainings: list[dict[str, Any]], tier: Tier, may: bool
) -> None:
    rules = company(ann={"trainings": trainings})

    assert (vote("ann", rules, tier=tier).group == "finance") is may
    assert vote("ann", rules, tier=tier, approving=False).group == "finance", "rejecting takes no training"


def test_a_refusal_says_which_training_expired_when_and_what_to_do() -> None:
    lapsed = company(ann={"trainings": [training("medium", "2027-01-01"), training("high", "2026-10-31", "AI-3")]})
    never = company(ann={"trainings": [training("low", "2027-01-01")]})

    assert told(vote("ann", lapsed, tier=Tier.HIGH)) == (
        "training_required: the training 'AI-3' of 'ann' for tier high expired on 2026-10-31; renew it and have the "
        "policy say so, or leave the approval to a colleague (you may still reject)"
    )
    assert told(vote("ann", never, tier=Tier.MEDIUM)).startswith(
        "training_required: no training of 'ann' is for tier medium; renew it"
    )


def test_a_tier_that_is_not_known_counts_as_high() -> None:
    rules = company(ann={"trainings": [training("medium", "2027-01-01")]})

    assert vote("ann", rules).refusal is not None
    assert vote("ann", rules, tier=Tier.MEDIUM).refusal is None


@pytest.mark.parametrize(
    ("day", "may"),
    [("2026-11-01", False), ("2026-11-02", True), ("2026-11-06", True), ("2026-11-07", False)],
)
def test_a_delegate_votes_in_the_place_of_a_member_only_while_they_are_away(day: str, may: bool) -> None:
    rules = company(ann=away("out"))

    found = vote("out", rules, at=datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC))

    assert (found.group, found.in_place_of) == (("finance", ["ann"]) if may else (None, []))


def test_a_member_who_is_away_may_still_vote_themselves() -> None:
    found = vote("ann", company(ann=away("out")))

    assert (found.group, found.in_place_of) == ("finance", [])


def test_a_member_votes_as_themselves_before_they_vote_for_somebody_else() -> None:
    found = vote("bob", company(ann=away("bob")))

    assert (found.group, found.in_place_of) == ("finance", [])


def test_a_delegate_of_several_members_may_take_any_of_their_places() -> None:
    assert vote("out", company(ann=away("out"), bob=away("out"))).in_place_of == ["ann", "bob"]


def test_a_delegate_needs_the_training_themselves() -> None:
    rules = company(ann=away("out"), out={"trainings": [training("low", "2027-01-01")]})

    assert told(vote("out", rules)).startswith("training_required: no training of 'out' is for tier high")
    assert vote("out", rules, tier=Tier.LOW).in_place_of == ["ann"]


def test_who_is_excluded_can_neither_vote_as_a_delegate_nor_be_stood_in_for() -> None:
    """Else the requester, away on that day, could name who decides."""
    rules = company(ann=away("out"))

    assert vote("out", rules, excluded={"ann": "the agent acts on their behalf"}).group is None
    assert told(vote("out", rules, excluded={"out": "they own the agent"})).startswith("self_approval")


# Who is away with which delegate, whom the chain from ann leads to, with these excluded.
CHAINS: dict[str, tuple[dict[str, dict[str, Any]], str | None, set[str]]] = {
    "nobody is away": ({}, None, set()),
    "away without a delegate": ({"ann": away()}, None, set()),
    "the delegate is there": ({"ann": away("bob")}, "bob", set()),
    "the delegate is away, too": ({"ann": away("bob"), "bob": away("cem")}, "cem", set()),
    "three in a row": ({"ann": away("bob"), "bob": away("cem"), "cem": away("out")}, "out", set()),
    "a fourth is one too many": (
        {"ann": away("bob"), "bob": away("cem"), "cem": away("out"), "out": away("olga")},
        None,
        set(),
    ),
    "the delegate is away without one": ({"ann": away("bob"), "bob": away()}, None, set()),
    "a loop of two": ({"ann": away("bob"), "bob": away("ann")}, None, set()),
    "a loop of one": ({"ann": away("ann")}, None, set()),
    "a loop further on": ({"ann": away("bob"), "bob": away("cem"), "cem": away("bob")}, None, set()),
    "the delegate is excluded": ({"ann": away("bob")}, None, {"bob"}),
    "an excluded delegate who is away is passed over": ({"ann": away("bob"), "bob": away("cem")}, "cem", {"bob"}),
    "the member is excluded": ({"ann": away("bob")}, None, {"ann"}),
    "the delegate has left": ({"ann": away("bob"), "bob": {"left_on": "2026-11-01"}}, None, set()),
    "the delegate left, and was away": (
        {"ann": away("bob"), "bob": {**away("cem"), "left_on": "2026-11-01"}},
        None,
        set(),
    ),
    "the member has left": ({"ann": {**away("bob"), "left_on": "2026-11-01"}}, None, set()),
    "of two absences the one with a delegate": (
        {"ann": {"absences": [{**AWAY, "delegate": None}, {**AWAY, "delegate": "bob"}]}},
        "bob",
        set(),
    ),
}


@pytest.mark.parametrize(("people", "found", "excluded"), CHAINS.values(), ids=CHAINS)
def test_the_chain_of_delegates_ends_where_the_table_says(
    people: dict[str, dict[str, Any]], found: str | None, excluded: set[str]
) -> None:
    assert stand_in("ann", company(**people), excluded, NOW) == found


def test_the_chain_is_as_long_as_it_is_said_to_be() -> None:
    assert MAX_DELEGATES == 3


def test_a_delegate_whom_the_policy_does_not_know_stands_in_for_nobody() -> None:
    known = company(ann=away("out"))
    known.people.pop("out")

    assert stand_in("ann", known, set(), NOW) is None


def test_who_can_be_expected_to_vote_are_the_members_and_the_stand_ins_of_those_away() -> None:
    rules = company(ann=away("out"), bob={"left_on": "2026-11-01"})

    assert expected_voters(rules.groups["finance"], rules, set(), NOW) == ["out", "olga"]
    assert expected_voters(rules.groups["finance"], rules, {"olga": "why"}, NOW) == ["out"]
    assert expected_voters(rules.groups["finance"], rules, set(), NOW + timedelta(days=7)) == ["ann", "olga"]


FROM_SLACK = [{"id": "finance", "members": ["bob"], "slack_usergroup": "S01FIN"}, {"id": "on-call", "members": ["cem"]}]


def test_the_people_of_a_slack_user_group_belong_to_its_group() -> None:
    rules = policy(groups=FROM_SLACK).with_usergroups({"S01FIN": ["U01ANN", "U09STRANGER", "U01BOB"]})

    assert rules.groups["finance"].members == ["bob", "ann"]
    assert rules.unconfirmed == frozenset()
    assert vote("ann", rules).group == "finance"
    assert told(vote("out", rules)) == "not_eligible: 'out' is not in finance, who are asked"


def test_who_belongs_to_a_user_group_only_as_far_as_it_is_confirmed_is_told_so() -> None:
    once = policy(groups=FROM_SLACK).with_usergroups({"S01FIN": ["U01ANN"]})
    rules = once.with_usergroups({"S02OTHER": ["U01ANN"]})

    assert rules.unconfirmed == {"finance"}
    assert told(vote("ann", rules)) == (
        "membership_unconfirmed: the members of finance come from Slack, which did not confirm them lately, so nobody "
        "knows whether 'ann' is one; try again in a few minutes, and tell an admin if it stays so"
    )
    assert vote("bob", rules).group == "finance", "the bundle itself names bob"
    assert vote("ann", rules, groups=["on-call"]).refusal == vote("ann", groups=["on-call"]).refusal


def test_a_person_without_a_slack_account_is_in_no_user_group_whatever_slack_says() -> None:
    people = [{**person, "slack_user": None} for person in DOCUMENT["people"]]
    rules = policy(groups=FROM_SLACK, people=people)

    assert told(vote("ann", rules)).startswith("not_eligible")


def test_a_policy_that_was_never_told_about_slack_confirms_nobody() -> None:
    rules = policy(groups=FROM_SLACK)

    assert rules.groups["finance"].members == ["bob"]
    assert told(vote("ann", rules)).startswith("membership_unconfirmed")


def test_joining_user_groups_changes_neither_the_policy_nor_its_bundle() -> None:
    rules = policy(groups=FROM_SLACK)

    rules.with_usergroups({"S01FIN": ["U01ANN"]})

    assert rules.groups["finance"].members == rules.bundle.groups[0].members == ["bob"]

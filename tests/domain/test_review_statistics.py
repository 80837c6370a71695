"""Statistics of reviewers: what is counted, what is not shown, and what reading takes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.review_statistics import (
    CAUTION,
    ENOUGH,
    WORDS_PER_MINUTE,
    Canaries,
    Review,
    is_too_fast,
    reading_time,
    share,
    statistics_of,
    words_of,
)

START = datetime(2026, 11, 2, 10, tzinfo=UTC)


def review(
    person: str = "ann",
    decision: str | None = "approve",
    *,
    seen: float | None = 0,
    decided: float | None = 60,
    notified: float | None = -60,
    **more: Any,
) -> Review:
    """Return a review; times are seconds from `START`."""

    def at(seconds: float | None) -> datetime | None:
        return None if seconds is None else START + timedelta(seconds=seconds)

    more.setdefault("action", f"{person}-{seen}-{decided}-{notified}")
    return Review(
        person=person,
        notified_at=at(notified),
        seen_at=at(seen),
        decided_at=at(decided) if decision else None,
        decision=decision,
        **more,
    )


def test_a_reviewer_is_counted_by_what_they_were_asked_and_decided() -> None:
    reviews = [review(decided=n, action=f"a{n}") for n in (10, 20, 30)]
    reviews += [review(decision="reject", decided=100, action="r"), review(decision=None, action="waits")]

    (ann,) = statistics_of(reviews)

    assert (ann.asked, ann.decided, ann.approved) == (5, 4, 3)
    assert (ann.seen_to_decided_median, ann.seen_to_decided_p90) == (25, 100)
    assert ann.approved_percent is None


def test_two_stages_of_one_action_are_one_request() -> None:
    (ann,) = statistics_of([review(action="a"), review(action="a", decided=90)])
    assert (ann.asked, ann.decided) == (1, 2)


def test_reviewers_come_by_name_and_apart() -> None:
    assert [each.person for each in statistics_of([review("bob"), review("ann"), review("bob")])] == ["ann", "bob"]


def test_small_numbers_are_not_shown_as_shares() -> None:
    few = [review(action=f"a{n}") for n in range(ENOUGH - 1)]
    assert statistics_of(few)[0].approved_percent is None
    assert statistics_of([*few, review(decision="reject")])[0].approved_percent == 95
    assert (share(2, 3), share(17, 20)) == ("2 of 3", "17 of 20 (85 %)")
    assert str(ENOUGH) in CAUTION


def test_without_being_opened_a_request_has_no_time_to_its_decision() -> None:
    (ann,) = statistics_of([review(seen=None)])
    assert (ann.decided, ann.seen_to_decided_median, ann.seen_to_decided_p90) == (1, None, None)


def test_what_is_opened_after_the_decision_has_none_either() -> None:
    assert statistics_of([review(seen=90)])[0].seen_to_decided_median is None


def test_canaries_are_counted_apart() -> None:
    reviews = [review(canary=True, action="c1"), review(decision="reject", canary=True, action="c2")]
    reviews.append(review(decision=None, canary=True, action="c3"))

    (ann,) = statistics_of(reviews)

    assert ann.canaries == Canaries(seen=3, approved=1, rejected=1)
    assert (ann.asked, ann.decided, ann.seen_to_decided_median, ann.too_fast_approvals) == (0, 0, None, 0)


def test_reading_takes_as_long_as_adults_need_on_average() -> None:
    assert WORDS_PER_MINUTE == 238
    assert reading_time(238) == timedelta(minutes=1)
    assert reading_time(0) == timedelta(0)


# What happened, and whether the approval came faster than 238 words can be read.
TABLE: dict[str, tuple[Review, bool]] = {
    "a second too early": (review(decided=59, words=238), True),
    "just read": (review(decided=60, words=238), False),
    "a rejection may be fast": (review(decision="reject", decided=1, words=238), False),
    "no decision": (review(decision=None, words=238), False),
    "nothing to read": (review(decided=0, words=0), False),
    "not opened, but notified just before": (review(seen=None, notified=50, words=238), True),
    "not opened, but notified long before": (review(seen=None, notified=-50, words=238), False),
    "neither opened nor notified": (review(seen=None, notified=None, words=238), False),
    "opened after the decision, notified long before": (review(seen=61, notified=-50, words=238), False),
}


@pytest.mark.parametrize(("found", "expected"), TABLE.values(), ids=TABLE.keys())
def test_an_approval_may_be_faster_than_its_text_can_be_read(found: Review, expected: bool) -> None:
    assert is_too_fast(found) is expected


def test_too_fast_approvals_are_counted() -> None:
    reviews = [review(decided=1, words=238, action="fast"), review(decided=300, words=238, action="slow")]
    assert statistics_of(reviews)[0].too_fast_approvals == 1


def test_words_are_those_of_the_arguments_and_of_the_claim() -> None:
    arguments = b'{"amount_minor":5000,"lines":[{"text":"two words"},null],"urgent":true}'
    assert words_of(arguments, None) == len(
        ["amount_minor", "5000", "lines", "text", "two", "words", "null", "urgent", "true"]
    )
    assert words_of(b"{}", "it is fine") == 3
    assert words_of(b"{}", None) == 0


SECONDS = st.one_of(st.none(), st.integers(-1000, 1000))
REVIEWS = st.lists(
    st.builds(
        review,
        st.sampled_from(["ann", "bob"]),
        st.sampled_from(["approve", "reject", None]),
        seen=SECONDS,
        notified=SECONDS,
        decided=st.integers(-1000, 1000),
        words=st.integers(0, 5000),
        canary=st.booleans(),
        action=st.sampled_from("abcdef"),
    ),
    max_size=40,
)


@given(REVIEWS)
def test_no_part_is_larger_than_its_whole(reviews: list[Review]) -> None:
    found = statistics_of(reviews)
    assert sum(each.decided + each.canaries.approved + each.canaries.rejected for each in found) == sum(
        each.decided_at is not None for each in reviews
    )
    for each in found:
        assert 0 <= each.too_fast_approvals <= each.approved <= each.decided
        assert (each.approved_percent is None) == (each.decided < ENOUGH)
        median, p90 = each.seen_to_decided_median, each.seen_to_decided_p90
        assert (median is None) == (p90 is None)
        assert median is None or p90 is None or 0 <= median <= p90 or each.decided < 3

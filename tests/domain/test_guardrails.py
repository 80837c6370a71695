"""Limits at work: which an action meets, what it takes of them, under which key, and what is said about it."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import policy_change
from domain.action import Tier
from domain.catalog import Per
from domain.guardrails import (
    Measure,
    Use,
    aggregates_of,
    measure_of,
    refused_at_execution,
    refused_at_the_door,
    uses_at_execution,
    uses_of,
)
from domain.roles import MAX_AMOUNT, Meaning
from tests.databases import NOW
from tests.payments import action, budget, guardrails, paying, rate_limit

NAMES = st.sampled_from(["a", "b", "a.b", "a-b", "agent"])
ACTIONS = st.builds(action, agent=NAMES, use_case=NAMES, action_type=NAMES)
MEANINGS = st.builds(
    Meaning,
    amount=st.integers(0, MAX_AMOUNT),
    currency=st.sampled_from(["", "EUR", "eur", " usd ", "?"]),
    recipients=st.lists(st.text(max_size=8), max_size=3),
    accounts=st.lists(st.text(max_size=8), max_size=3),
)
LIMITS = st.builds(
    lambda per, limit, window, currency: guardrails(
        rate_limits=[{"id": "rate", "per": per, "limit": min(limit, 1000), "window": window}],
        budgets=[{"id": "sum", "per": per, "limit": limit, "window": window, "currency": currency}],
        aggregates=[{"id": "n", "of": "count", "per": per, "window": window}],
    ),
    st.lists(st.sampled_from(Per), unique=True),
    st.integers(0, MAX_AMOUNT),
    st.sampled_from(["1s", "90s", "1d", "30d"]),
    st.sampled_from([None, "EUR"]),
)


def only(limits: Any, meaning: Meaning, **changes: Any) -> Use | None:
    """Return what an action takes of a single limit."""
    uses = uses_of(limits, action(**changes), meaning)
    assert len(uses) <= 1
    return uses[0] if uses else None


SELECTED = {
    "everything": ({}, True),
    "its agent": ({"agents": ["other", "clerk"]}, True),
    "another agent": ({"agents": ["other"]}, False),
    "its use case": ({"use_cases": ["support"]}, True),
    "another use case": ({"use_cases": ["chat"]}, False),
    "its action type": ({"action_types": ["pay"]}, True),
    "another action type": ({"action_types": ["note"]}, False),
    "its agent with another action type": ({"agents": ["clerk"], "action_types": ["note"]}, False),
}


@pytest.mark.parametrize(("actions", "meant"), SELECTED.values(), ids=SELECTED.keys())
def test_a_limit_is_met_by_the_actions_it_selects(actions: dict[str, Any], meant: bool) -> None:
    assert (only(rate_limit(actions=actions), paying()) is not None) is meant
    assert (only(budget(actions=actions), paying()) is not None) is meant


def test_an_action_takes_one_of_a_rate_limit_and_its_amount_of_a_budget() -> None:
    one, amount = only(rate_limit(), paying(750)), only(budget(), paying(750))

    assert one is not None and amount is not None
    assert (one.of, one.weight, one.currency) == ("count", 1, "")
    assert (amount.of, amount.weight, amount.currency) == ("amount", 750, "EUR")


def test_an_action_without_an_amount_takes_nothing_of_a_budget() -> None:
    assert only(budget(limit=0), paying(0)) is None


CURRENCIES = {
    "the budget's": ("EUR", "EUR", "EUR"),
    "the budget's, written otherwise": ("EUR", " eur", "EUR"),
    "another": ("EUR", "USD", None),
    "none, which may be any": ("EUR", "", "EUR"),
    "any, counted apart": (None, "USD", "USD"),
    "none, counted with all": (None, "", ""),
}


@pytest.mark.parametrize(("of", "currency", "counted_in"), CURRENCIES.values(), ids=CURRENCIES.keys())
def test_a_budget_adds_up_its_own_currency_or_each_apart(of: str | None, currency: str, counted_in: str | None) -> None:
    use = only(budget(currency=of), paying(5, currency=currency))

    assert (use.currency if use else None) == counted_in


PER: dict[str, tuple[list[str], str, dict[str, Any]]] = {
    "all together": ([], "", {}),
    "agent": (["agent"], "agent=clerk", {"agents": ["clerk"]}),
    "use case": (["use_case"], "use_case=support", {"use_cases": ["support"]}),
    "action type": (["action_type"], "action_type=pay", {"action_types": ["pay"]}),
    "recipient": (["recipient"], "", {"recipients": ["bob"]}),
    "agent and recipient": (["recipient", "agent"], "agent=clerk", {"agents": ["clerk"], "recipients": ["bob"]}),
    "use case and agent": (
        ["use_case", "agent"],
        "agent=clerk&use_case=support",
        {"agents": ["clerk"], "use_cases": ["support"]},
    ),
}


@pytest.mark.parametrize(("per", "key", "added_up"), PER.values(), ids=PER.keys())
def test_what_is_counted_apart_is_added_up_apart(per: list[str], key: str, added_up: dict[str, Any]) -> None:
    use = only(rate_limit(per=per), paying())

    assert use is not None
    assert use.key == key
    everything = {"agents": None, "use_cases": None, "action_types": None, "recipients": None}
    assert {name: getattr(use, name) for name in everything} == everything | added_up


def test_what_is_selected_is_added_up_where_it_is_not_counted_apart() -> None:
    use = only(rate_limit(per=["agent"], actions={"agents": ["clerk", "other"], "action_types": ["pay"]}), paying())

    assert use is not None
    assert (use.agents, use.use_cases, use.action_types) == (["clerk"], None, ["pay"])


def test_each_recipient_is_counted_and_an_action_without_one_counts_under_the_empty_name() -> None:
    several = only(rate_limit(per=["recipient"]), Meaning(recipients=["Bob ", "ann"], accounts=["bob"]))
    none = only(rate_limit(per=["recipient"]), Meaning())

    assert several is not None and none is not None
    assert several.recipients == ["ann", "bob"]
    assert none.recipients == [""]


def test_a_change_of_the_policy_meets_no_limit() -> None:
    change = action(agent=policy_change.AGENT, action_type=policy_change.ACTION_TYPE)

    assert uses_of(rate_limit(limit=0), change, Meaning()) == []


@given(LIMITS, ACTIONS, ACTIONS, MEANINGS)
def test_actions_share_a_key_exactly_when_they_are_counted_together(
    limits: Any, one: Any, other: Any, meaning: Meaning
) -> None:
    per = [each for each in limits.rate_limits[0].per if each is not Per.RECIPIENT]
    together = all(getattr(one, each.value) == getattr(other, each.value) for each in per)

    keys = [uses_of(limits, each, meaning)[0].key for each in (one, other)]

    assert (keys[0] == keys[1]) is together


@given(LIMITS, ACTIONS, MEANINGS)
def test_what_an_action_takes_is_never_negative_and_is_added_up_with_itself(
    limits: Any, new: Any, meaning: Meaning
) -> None:
    for use in uses_of(limits, new, meaning):
        assert use.weight == (1 if use.id == "rate" else meaning.amount) > 0
        for names, own in ((use.agents, new.agent), (use.use_cases, new.use_case), (use.action_types, new.action_type)):
            assert names is None or names == [own]
        assert use.recipients is None or use.recipients == measure_of(meaning).recipients
        assert use.stops


@given(MEANINGS)
def test_an_action_always_counts_for_somebody_and_for_nobody_twice(meaning: Meaning) -> None:
    measure = measure_of(meaning)

    assert measure.recipients == sorted(set(measure.recipients)) != []
    assert measure.amount >= 0
    assert measure.currency in ("", "EUR", "USD", "?")


@given(LIMITS, ACTIONS, MEANINGS)
def test_each_aggregate_is_asked_for_once(limits: Any, new: Any, meaning: Meaning) -> None:
    (query,) = aggregates_of(limits, new, meaning)

    assert (query.id, query.of, query.weight) == ("n", "count", 1)


def test_an_aggregate_about_other_actions_does_not_count_this_one() -> None:
    paid = {"id": "paid", "of": "amount", "actions": {"action_types": ["pay"]}, "window": "1d"}
    limits = guardrails(aggregates=[{**paid, "per": ["agent"]}, {**paid, "id": "apart", "per": ["action_type"]}])

    paid_by_agent, apart = aggregates_of(limits, action(action_type="note"), Meaning())

    assert (paid_by_agent.weight, paid_by_agent.agents, paid_by_agent.action_types) == (0, ["clerk"], ["pay"])
    assert (apart.weight, apart.action_types) == (0, []), "no payment is of the action type 'note'"


AT_EXECUTION: dict[str, tuple[str, dict[str, Tier], bool, bool]] = {
    "it refuses, and people approved": ("refuse", {}, True, True),
    "it refuses, and nobody was asked": ("refuse", {}, False, True),
    "it raises, and people approved": ("high", {}, True, False),
    "it raises, and nobody was asked": ("medium", {}, False, True),
    "it raises, as it was judged": ("medium", {"rate": Tier.MEDIUM}, False, False),
    "it raises to less than it was judged by": ("medium", {"rate": Tier.HIGH}, False, False),
    "it raises to more than it was judged by": ("high", {"rate": Tier.MEDIUM}, False, True),
    "another limit raised it": ("medium", {"other": Tier.HIGH}, False, True),
}


@pytest.mark.parametrize(("on_exceed", "exceeded", "asked", "stops"), AT_EXECUTION.values(), ids=AT_EXECUTION.keys())
def test_what_stops_an_action_that_is_about_to_run(
    on_exceed: str, exceeded: dict[str, Tier], asked: bool, stops: bool
) -> None:
    (use,) = uses_at_execution(rate_limit(on_exceed=on_exceed), action(), paying(), exceeded, asked)

    assert use.stops is stops


@pytest.mark.parametrize("tier", ["medium", "high"])
def test_a_limit_that_raises_the_tier_keeps_nothing_out(tier: str) -> None:
    use = only(rate_limit(on_exceed=tier), paying())

    assert use is not None
    assert (use.stops, use.on_exceed) == (False, tier)


def test_the_refusal_names_the_limit_its_window_and_what_to_do() -> None:
    use = only(budget(100_000, per=["agent", "use_case"], currency="EUR", window="36h"), paying(750))
    assert use is not None

    refusal = refused_at_the_door(use, NOW + timedelta(seconds=61.2), NOW)

    assert str(refusal) == (
        "guardrail 'sum' allows at most 100000 minor units of EUR in 36h for each agent and use case; "
        "nothing was accepted; there is room in 62 s, send it again with the same key then"
    )
    assert (refusal.guardrail, refusal.retry_after) == ("sum", 62)


def test_where_waiting_does_not_help_the_refusal_says_so() -> None:
    use = only(budget(100, window="2d"), paying(101, currency=""))
    assert use is not None

    refusal = refused_at_the_door(use, None, NOW)

    assert str(refusal) == (
        "guardrail 'sum' allows at most 100 minor units in 2d; "
        "this action alone is more than that, so waiting does not help; ask for less"
    )
    assert refusal.retry_after is None


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(milliseconds=1), timedelta(seconds=-3)])
def test_a_retry_is_never_asked_for_at_once(ahead: timedelta) -> None:
    use = only(rate_limit(), paying())
    assert use is not None

    assert refused_at_the_door(use, NOW + ahead, NOW).retry_after == 1


def test_an_action_that_may_not_run_is_told_why_and_what_to_do() -> None:
    refusing, raising = only(rate_limit(), paying()), only(rate_limit(0, on_exceed="high", window="90s"), paying())
    assert refusing is not None and raising is not None

    assert str(refused_at_execution(refusing, NOW)) == (
        "guardrail 'rate' allows at most 3 actions in 1h; there is room at 2026-03-02 09:00:00 UTC; "
        "nothing was run, submit it anew then"
    )
    assert str(refused_at_execution(raising, None)) == (
        "guardrail 'rate' allows at most 0 actions in 90s; above that people are asked, and nobody was; "
        "it alone is more than that; nothing was run, ask for less"
    )


def test_an_action_that_means_nothing_counts_as_one_without_amount_or_recipient() -> None:
    assert measure_of(Meaning()) == Measure(amount=0, currency="", recipients=[""])

"""Limits at work: what an action counts for, which limits it meets, and what rules ask of the recent past.

What is counted is what happened, not what the policy of that time made of it: each action counts with its agent, use
case, action type, amount and recipients, from when it was submitted and again from when it is run, unless it ends
without an effect. A limit that was changed, or that is new, counts the past the same way.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Literal

from domain import policy_change
from domain.action import Action, Frozen, Tier
from domain.catalog.guardrails import Aggregate, Budget, Guardrails, OnExceed, Per, RateLimit
from domain.errors import RateLimited
from domain.roles import Meaning

_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_TIERS = list(Tier)


class Measure(Frozen):
    """What one action counts for, whatever the policy: its amount in minor units, and to whom it goes.

    `currency` is empty where the action names none. `recipients` are its counterparties as they are compared; an
    action without one counts under the empty name.
    """

    amount: int = 0
    currency: str = ""
    recipients: list[str] = [""]


def measure_of(meaning: Meaning) -> Measure:
    """Return what an action of this meaning counts for. Currencies are compared without regard to case and space."""
    return Measure(
        amount=meaning.amount,
        currency=meaning.currency.strip().upper()[:40],
        recipients=meaning.counterparties or [""],
    )


class Tally(Frozen):
    """Which actions are added up over a window that ends now, and what the action at hand adds.

    None stands for all. With `recipients`, what goes to each of them is added up apart and the largest sum counts.
    With a currency, amounts in another one are left out; an amount that names none counts in every currency.
    """

    id: str
    of: Literal["count", "amount"]
    agents: list[str] | None = None
    use_cases: list[str] | None = None
    action_types: list[str] | None = None
    recipients: list[str] | None = None
    currency: str = ""
    window: timedelta
    weight: int


class AggregateQuery(Tally):
    """What is asked of the past for one aggregate. `weight` is 0 where the aggregate does not count such actions."""


class Use(Tally):
    """What an action takes of one limit, named by `id`.

    Actions that are counted together have the same `key`, and recipient where these are counted apart. With `stops`
    the action is refused where it would go over the limit; else its tier is raised as `on_exceed` says.
    """

    key: str
    limit: int
    on_exceed: OnExceed
    stops: bool
    terms: str


def uses_of(guardrails: Guardrails, action: Action, meaning: Meaning) -> list[Use]:
    """Return what an action takes of each limit it meets. A change of the policy meets none: it could be what lifts
    them."""
    if action.action_type == policy_change.ACTION_TYPE:
        return []
    measure = measure_of(meaning)
    limits: list[RateLimit | Budget] = [*guardrails.rate_limits, *guardrails.budgets]
    found = (_use(limit, action, measure) for limit in limits)
    return [use for use in found if use is not None]


def uses_at_execution(
    guardrails: Guardrails, action: Action, meaning: Meaning, exceeded: Mapping[str, Tier], asked: bool
) -> list[Use]:
    """Return what an action takes of each limit when it is about to run.

    A limit that raises the tier stops the action, too, unless people approved it (`asked`) or it was judged with that
    tier already (`exceeded`, as it was recorded when the action was submitted): else it would run although nobody was
    asked.
    """
    uses = uses_of(guardrails, action, meaning)
    return [use.model_copy(update={"stops": _stops_now(use, exceeded, asked)}) for use in uses]


def aggregates_of(guardrails: Guardrails, action: Action, meaning: Meaning) -> list[AggregateQuery]:
    """Return what to ask of the past before an action is judged: one query for each aggregate."""
    measure = measure_of(meaning)
    return [_query(aggregate, action, measure) for aggregate in guardrails.aggregates]


def refused_at_the_door(use: Use, room_at: datetime | None, now: datetime) -> RateLimited:
    """Return the error that tells an agent which limit it met, and when there is room (None: never for this one)."""
    if room_at is None:
        advice = "this action alone is more than that, so waiting does not help; ask for less"
        return RateLimited(f"{use.terms}; {advice}", guardrail=use.id)
    seconds = max(1, ceil((room_at - now).total_seconds()))
    advice = f"nothing was accepted; there is room in {seconds} s, send it again with the same key then"
    return RateLimited(f"{use.terms}; {advice}", guardrail=use.id, retry_after=seconds)


def refused_at_execution(use: Use, room_at: datetime | None) -> RateLimited:
    """Return the error that ends an action which would go over a limit if it ran now."""
    unasked = "" if use.on_exceed is OnExceed.REFUSE else "; above that people are asked, and nobody was"
    if room_at is None:
        advice = "it alone is more than that; nothing was run, ask for less"
    else:
        advice = f"there is room at {room_at:%Y-%m-%d %H:%M:%S} UTC; nothing was run, submit it anew then"
    return RateLimited(f"{use.terms}{unasked}; {advice}", guardrail=use.id)


def _use(limit: RateLimit | Budget, action: Action, measure: Measure) -> Use | None:
    """Return what the action takes of a limit; None where it takes nothing of it."""
    if not limit.actions.selects(action.agent, action.use_case, action.action_type):
        return None
    of, weight, currency = _taken(limit, measure)
    if weight == 0:
        return None
    return Use(
        id=limit.id,
        of=of,
        currency=currency,
        window=limit.window,
        weight=weight,
        key=_key(limit.per, action),
        limit=limit.limit,
        on_exceed=limit.on_exceed,
        stops=limit.on_exceed is OnExceed.REFUSE,
        terms=_terms(limit, currency),
        **_selection(limit, action, measure),
    )


def _taken(limit: RateLimit | Budget, measure: Measure) -> tuple[Literal["count", "amount"], int, str]:
    """Return what is added up, how much of it the action is, and the currency it is added up in."""
    if isinstance(limit, RateLimit):
        return "count", 1, ""
    if limit.currency and measure.currency not in ("", limit.currency):
        return "amount", 0, limit.currency
    return "amount", measure.amount, limit.currency or measure.currency


def _query(aggregate: Aggregate, action: Action, measure: Measure) -> AggregateQuery:
    counted = aggregate.actions.selects(action.agent, action.use_case, action.action_type)
    weight = measure.amount if aggregate.of == "amount" else 1
    return AggregateQuery(
        id=aggregate.id,
        of=aggregate.of,
        currency=measure.currency if aggregate.of == "amount" else "",
        window=aggregate.window,
        weight=weight if counted else 0,
        **_selection(aggregate, action, measure),
    )


def _selection(counted: RateLimit | Budget | Aggregate, action: Action, measure: Measure) -> dict[str, Any]:
    """Return which actions are added up together with this one: those selected that have the same `per` values."""
    selector, per = counted.actions, counted.per
    return {
        "agents": _narrowed(selector.agents, Per.AGENT in per, action.agent),
        "use_cases": _narrowed(selector.use_cases, Per.USE_CASE in per, action.use_case),
        "action_types": _narrowed(selector.action_types, Per.ACTION_TYPE in per, action.action_type),
        "recipients": measure.recipients if Per.RECIPIENT in per else None,
    }


def _narrowed(selected: Sequence[str], apart: bool, own: str) -> list[str] | None:
    """Return the names that are added up, None for all; an empty list where what is counted apart is not selected."""
    if apart:
        return [own] if not selected or own in selected else []
    return list(selected) or None


def _key(per: Sequence[Per], action: Action) -> str:
    """Return what actions that are counted together have in common, recipients aside. Names hold none of `=&`."""
    values = {Per.AGENT: action.agent, Per.USE_CASE: action.use_case, Per.ACTION_TYPE: action.action_type}
    return "&".join(f"{each.value}={values[each]}" for each in values if each in per)


def _stops_now(use: Use, exceeded: Mapping[str, Tier], asked: bool) -> bool:
    if use.on_exceed is OnExceed.REFUSE:
        return True
    judged = exceeded.get(use.id)
    considered = judged is not None and _TIERS.index(judged) >= _TIERS.index(Tier(use.on_exceed.value))
    return not (asked or considered)


def _terms(limit: RateLimit | Budget, currency: str) -> str:
    """Say what a limit allows, as in: guardrail 'refunds-daily' allows at most 100000 minor units of EUR in 1d."""
    what = "actions" if isinstance(limit, RateLimit) else f"minor units{f' of {currency}' if currency else ''}"
    apart = " and ".join(each.value.replace("_", " ") for each in limit.per)
    each = f" for each {apart}" if apart else ""
    return f"guardrail '{limit.id}' allows at most {limit.limit} {what} in {_written(limit.window)}{each}"


def _written(window: timedelta) -> str:
    """Return a duration as bundles have it: in the largest unit that divides it."""
    seconds = window.total_seconds()
    unit, size = next((each for each in _UNITS if seconds % each[1] == 0), ("s", 1))
    return f"{seconds / size:.10g}{unit}"

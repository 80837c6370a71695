"""Does every tier have its scores, and may points only raise it?

All 7776 combinations of five scores from 0 to 5 are tried, so that what is said here holds for every action.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import product

import cel

from domain.action import Tier
from domain.catalog.problems import Problem
from domain.catalog.risk import Dimension, Risk
from domain.catalog.variables import ON_SCORES
from domain.expression import RuleFailed, compile_expression, context_of, holds

Scores = tuple[int, ...]
Written = tuple[tuple[Tier, str], ...]
MOST = 5
_DIMENSIONS = [dimension.value for dimension in Dimension]
_RANK = {tier: rank for rank, tier in enumerate(Tier)}
FAILED = -1


def tier_problems(risk: Risk) -> Iterator[Problem]:
    """Yield tiers that no scores reach, that fail for some, and scores that get a lower tier than lower scores."""
    last = len(risk.tiers) - 1
    if risk.tiers[last].when.strip() != "true":
        message = "the last tier's condition must be 'true' (in quotes), so that every action has a tier"
        yield Problem(("risk", "tiers", last, "when"), message)
    else:
        yield from _problems(_written(risk))


def tier_table(risk: Risk) -> Mapping[Scores, Tier] | None:
    """Return the tier of every combination of scores, in the order of `Dimension`; high where a condition fails.

    None when a condition does not compile.
    """
    return _table(_written(risk))


def _written(risk: Risk) -> Written:
    return tuple((tier.tier, tier.when) for tier in risk.tiers)


@lru_cache(maxsize=64)
def _problems(tiers: Written) -> Sequence[Problem]:
    table = _table(tiers)
    if table is None:
        return []  # a condition that does not compile is said elsewhere
    return [*_failing(tiers), *_unreachable(tiers)] or list(_falling(table))


@lru_cache(maxsize=64)
def _table(tiers: Written) -> Mapping[Scores, Tier] | None:
    try:
        conditions = [_answers(text) for _, text in tiers]
    except ValueError:
        return None
    found: dict[Scores, Tier] = {}
    for number, scores in enumerate(_combinations()):
        first = next((index for index, answers in enumerate(conditions) if answers[number] != 0), None)
        found[scores] = Tier.HIGH if first is None or conditions[first][number] == FAILED else tiers[first][0]
    return found


def _failing(tiers: Written) -> Iterator[Problem]:
    for number, (_, text) in enumerate(tiers):
        failing = [scores for scores, answer in zip(_combinations(), _answers(text), strict=True) if answer == FAILED]
        if failing:
            message = f"the condition fails for some scores, such as {_shown(failing[0])}"
            yield Problem(("risk", "tiers", number, "when"), message)


def _unreachable(tiers: Written) -> Iterator[Problem]:
    """Yield the tiers whose condition never holds first."""
    taken: set[int] = set()
    for number, (tier, text) in enumerate(tiers):
        holding = [place for place, answer in enumerate(_answers(text)) if answer]
        if taken.issuperset(holding):
            if holding:
                scores = _combinations()[holding[0]]
                message = (
                    f"no action gets tier {tier.value} here: wherever this holds, such as at {_shown(scores)}, a tier "
                    "above it holds already; put it further up, or make the one above stricter"
                )
            else:
                message = (
                    f"no action gets tier {tier.value} here: no scores from 0 to {MOST} make this true; write lower "
                    f"limits (one score is at most {MOST}, their total at most {MOST * len(_DIMENSIONS)})"
                )
            yield Problem(("risk", "tiers", number, "when"), message)
        taken.update(holding)


def _falling(table: Mapping[Scores, Tier]) -> Iterator[Problem]:
    """Yield the smallest scores at which one point more lowers the tier."""
    falling: list[tuple[Scores, Scores]] = []
    for scores, tier in table.items():
        for place in range(len(_DIMENSIONS)):
            more = (*scores[:place], scores[place] + 1, *scores[place + 1 :])
            if more in table and _RANK[table[more]] < _RANK[tier]:
                falling.append((scores, more))
    if falling:
        scores, more = min(falling, key=lambda pair: (sum(pair[0]), pair[0]))
        yield Problem(
            ("risk", "tiers"),
            f"more risk gives a lower tier: {_shown(scores)} is {table[scores].value}, and {_shown(more)} is "
            f"{table[more].value}; write conditions that stay true when a score rises, such as scores.financial >= 4",
        )


@lru_cache(maxsize=1)
def _combinations() -> Sequence[Scores]:
    return sorted(product(range(MOST + 1), repeat=len(_DIMENSIONS)), key=lambda scores: (sum(scores), scores))


@lru_cache(maxsize=1)
def _contexts() -> Sequence[cel.Context]:
    return [
        context_of({"scores": {**dict(zip(_DIMENSIONS, scores, strict=True)), "total": sum(scores)}})
        for scores in _combinations()
    ]


@lru_cache(maxsize=256)
def _answers(text: str) -> Sequence[int]:
    """Return for each combination whether a condition holds (1), does not (0) or fails. Raises ValueError."""
    program = compile_expression(text, ON_SCORES)
    return [_answer(program, context) for context in _contexts()]


def _answer(program: cel.Program, context: cel.Context) -> int:
    try:
        return int(holds(program, context))
    except RuleFailed:
        return FAILED


def _shown(scores: Scores) -> str:
    """Return scores as people write them: only those above 0."""
    named = [f"{name} {points}" for name, points in zip(_DIMENSIONS, scores, strict=True) if points]
    return ", ".join(named) or "all scores 0"

"""Risk: the five dimensions, the rules that give points in them, and the tiers as conditions on the scores."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from domain.action import Frozen, Identifier, Tier
from domain.catalog.values import Expression, Title


class Dimension(StrEnum):
    """The five kinds of risk, each scored 0 to 5."""

    CONTENT = "content"
    PRIVACY = "privacy"
    FINANCIAL = "financial"
    OPERATIONAL = "operational"
    REGULATORY = "regulatory"


class Rule(Frozen):
    """One reason for risk: when `when` holds, `dimension` scores at least `points`.

    It is asked only about the `action_types` and `use_cases` it names; naming none means all.
    """

    id: Identifier
    dimension: Dimension
    points: Annotated[int, Field(ge=1, le=5)]
    when: Expression
    because: Title
    action_types: list[Identifier] = []
    use_cases: list[Identifier] = []


class TierCondition(Frozen):
    """`tier` applies when `when`, an expression on `scores`, holds; the first that does wins."""

    tier: Tier
    when: Expression


class Risk(Frozen):
    """The rules, and the tiers as conditions on the scores they give.

    `on_error` and `unknown_action_type` have one value each: they stand in the file so that its reader sees them.
    """

    on_error: Literal["high"] = "high"
    unknown_action_type: Literal["deny"] = "deny"
    rules: list[Rule]
    tiers: Annotated[list[TierCondition], Field(min_length=1)]

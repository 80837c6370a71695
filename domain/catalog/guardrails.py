"""Guardrails: rate limits, budgets, permissions, content checks, and the aggregates that rules can ask for."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from domain.action import Frozen, Identifier
from domain.catalog.use_cases import DataScope
from domain.catalog.values import Duration


class Selector(Frozen):
    """Which actions something is about. An empty list means all."""

    agents: list[Identifier] = []
    use_cases: list[Identifier] = []
    action_types: list[Identifier] = []

    def selects(self, agent: str, use_case: str, action_type: str) -> bool:
        """Say whether an action of these three is meant."""
        return (
            (not self.agents or agent in self.agents)
            and (not self.use_cases or use_case in self.use_cases)
            and (not self.action_types or action_type in self.action_types)
        )


class Per(StrEnum):
    """What is counted apart."""

    AGENT = "agent"
    USE_CASE = "use_case"
    ACTION_TYPE = "action_type"
    RECIPIENT = "recipient"


class OnExceed(StrEnum):
    """What an action meets that would go over a limit: it is refused, or its tier is raised."""

    REFUSE = "refuse"
    MEDIUM = "medium"
    HIGH = "high"


class RateLimit(Frozen):
    """At most `limit` actions in any `window`, counted apart for each combination of `per`."""

    id: Identifier
    actions: Selector = Selector()
    per: list[Per] = []
    limit: Annotated[int, Field(ge=0, le=1_000_000)]
    window: Duration
    on_exceed: OnExceed = OnExceed.REFUSE


class Budget(Frozen):
    """At most `limit` minor units of `currency` in any `window`, counted apart for each combination of `per`."""

    id: Identifier
    actions: Selector = Selector()
    per: list[Per] = []
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    limit: Annotated[int, Field(ge=0, le=10**15)]
    window: Duration
    on_exceed: OnExceed = OnExceed.REFUSE


class Aggregate(Frozen):
    """A number about the recent past that rules see as `history.<id>`: how many actions, or the sum of their amounts.

    The action being judged is counted too, and so is everything that waits or runs: splitting a payment does not help.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    of: Literal["count", "amount"]
    actions: Selector = Selector()
    per: list[Per] = []
    window: Duration


class Permission(Frozen):
    """A combination that is allowed. With any permission given, what none of them allows is denied."""

    id: Identifier
    agents: list[Identifier] = []
    use_cases: list[Identifier] = []
    action_types: list[Identifier] = []
    regions: list[str] = []
    data: dict[Identifier, DataScope] = {}


class CheckUse(Frozen):
    """A content check that looks at actions before they are judged. Rules see its answer as `signals.<check>`."""

    check: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    actions: Selector = Selector()
    settings: dict[str, Any] = {}
    time_limit_ms: Annotated[int, Field(ge=1, le=5000)] = 250
    on_unknown: Literal["medium", "high"] = "high"


class Guardrails(Frozen):
    """All of them."""

    rate_limits: list[RateLimit] = []
    budgets: list[Budget] = []
    aggregates: list[Aggregate] = []
    permissions: list[Permission] = []
    checks: list[CheckUse] = []

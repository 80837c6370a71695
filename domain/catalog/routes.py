"""Routes and approvals: what happens to which actions, and how people are asked."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.action import Frozen, Identifier, Route, Tier
from domain.catalog.values import Duration, Expression, Title


class RouteRule(Frozen):
    """What happens to actions it matches; the first match wins. `approval` names how people are asked."""

    do: Route
    tiers: list[Tier] = []
    use_cases: list[Identifier] = []
    when: Expression | None = None
    because: Title | None = None
    approval: Identifier | None = None


class ReasonRequired(StrEnum):
    """For which tiers an approval needs a reason. A rejection always needs one."""

    NEVER = "never"
    HIGH = "high"
    ALWAYS = "always"

    def applies_to(self, tier: Tier) -> bool:
        """Say whether an approval of this tier needs a reason."""
        return self is ReasonRequired.ALWAYS or (self is ReasonRequired.HIGH and tier is Tier.HIGH)


class Stage(Frozen):
    """One group that is asked, and how many of it have to approve."""

    group: Identifier
    quorum: Annotated[int, Field(ge=1, le=20)] = 1


class ApprovalRule(Frozen):
    """How people are asked: which groups in which order, how many of each, and what happens while they are silent.

    `stages` are asked one after the other; `group` and `quorum` are the short form of a single one. With
    `exclude_earlier_stages` nobody approves in two stages. An approval that was not executed within
    `approval_lifetime` is void. With `require_known_requester` an action is denied unless it is on behalf of a person
    of the catalog, who then may not approve it.
    """

    id: Identifier
    group: Identifier | None = None
    quorum: Annotated[int, Field(ge=1, le=20)] = 1
    stages: Annotated[list[Stage], Field(max_length=5)] = []
    exclude_earlier_stages: bool = True
    exclude_agent_owner: bool = False
    require_known_requester: bool = False
    reason_required: ReasonRequired = ReasonRequired.NEVER
    remind_after: Duration | None = None
    escalate_after: Duration | None = None
    escalate_to: Identifier | None = None
    expire_after: Duration
    approval_lifetime: Duration | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.group is None and not self.stages:
            raise ValueError("nobody is asked: name a 'group', or several in order as 'stages'")
        if self.stages and (self.group is not None or self.quorum != 1):
            raise ValueError("'stages' stand in place of 'group' and 'quorum': write the one or the other")
        return self

    @property
    def asked(self) -> list[Stage]:
        """The stages in order, whichever way they are written."""
        return self.stages or ([Stage(group=self.group, quorum=self.quorum)] if self.group is not None else [])


class PolicyChanges(Frozen):
    """Who approves a change of the policy itself. The author of a change never does."""

    owner: Identifier
    approval: Identifier

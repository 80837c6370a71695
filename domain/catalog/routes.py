"""Routes and approvals: what happens to which actions, and how people are asked."""

from enum import StrEnum
from typing import Annotated, Literal, Self

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
    """One group that is asked, how many of it have to approve, and how many rejections end the asking.

    With `alongside` it is asked together with the stage before it. `when` is a condition on `scores` and `tier`: where
    it does not hold, the stage is left out; where it cannot be judged, it is asked.
    """

    group: Identifier
    quorum: Annotated[int, Field(ge=1, le=20)] = 1
    vetoes: Annotated[int, Field(ge=1, le=20)] = 1
    alongside: bool = False
    when: Expression | None = None


class RejectionReason(Frozen):
    """One of the reasons that people choose from when they reject. The title is what they read."""

    id: Identifier
    title: Annotated[str, Field(min_length=1, max_length=75)]


class Clock(StrEnum):
    """How time is counted: as it passes, or only while the group that is asked works."""

    ELAPSED = "elapsed"
    BUSINESS = "business"


class EscalationStep(Frozen):
    """What happens while a stage is silent: its people are reminded, or others are asked, too. Exactly one of them.

    `after` counts from when the stage is asked, on the step's clock. Asked are a group, a named person, the owner of
    the agent or of the use case, or whoever is on call by a rotation when the step comes.
    """

    after: Duration
    clock: Clock = Clock.ELAPSED
    remind: bool = False
    ask_group: Identifier | None = None
    ask_person: Identifier | None = None
    ask_owner: Literal["agent", "use_case"] | None = None
    ask_rotation: Identifier | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        given = [self.ask_group, self.ask_person, self.ask_owner, self.ask_rotation]
        if sum(each is not None for each in given) + self.remind != 1:
            raise ValueError(
                "a step does one thing: 'remind: true', or one of ask_group, ask_person, ask_owner and ask_rotation"
            )
        return self


class ApprovalRule(Frozen):
    """How people are asked: which groups in which order, how many of each, and what happens while they are silent.

    `stages` are asked one after the other; `group` and `quorum` are the short form of a single one. With
    `exclude_earlier_stages` nobody approves in two stages. An approval that was not executed within
    `approval_lifetime` is void. With `require_known_requester` an action is denied unless it is on behalf of a person
    of the catalog, who then may not approve it.

    With `rejection_reasons` whoever rejects chooses one of them, besides saying why in words.

    `escalation` are the steps of each stage; `remind_after`, `escalate_after` and `escalate_to` are the short form of
    a reminder and one more group. One of those who may vote may move the deadline once, by `extension` at most. An
    edit is its editor's approval of what they wrote only with `edit_counts_as_approval`; else they may not approve it.
    For the tiers of `step_up` a vote counts only from the page, after the person signed in there anew.
    """

    id: Identifier
    group: Identifier | None = None
    quorum: Annotated[int, Field(ge=1, le=20)] = 1
    stages: Annotated[list[Stage], Field(max_length=5)] = []
    exclude_earlier_stages: bool = True
    exclude_agent_owner: bool = False
    require_known_requester: bool = False
    reason_required: ReasonRequired = ReasonRequired.NEVER
    rejection_reasons: Annotated[list[RejectionReason], Field(max_length=20)] = []
    remind_after: Duration | None = None
    escalate_after: Duration | None = None
    escalate_to: Identifier | None = None
    escalation: Annotated[list[EscalationStep], Field(max_length=10)] = []
    expire_after: Duration
    expire_clock: Clock = Clock.ELAPSED
    extension: Duration | None = None
    approval_lifetime: Duration | None = None
    edit_counts_as_approval: bool = False
    step_up: list[Tier] = []

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.group is None and not self.stages:
            raise ValueError("nobody is asked: name a 'group', or several in order as 'stages'")
        if self.stages and (self.group is not None or self.quorum != 1):
            raise ValueError("'stages' stand in place of 'group' and 'quorum': write the one or the other")
        return self

    @property
    def steps(self) -> list[EscalationStep]:
        """The steps of each stage, whichever way they are written."""
        short = []
        if self.remind_after is not None:
            short.append(EscalationStep(after=self.remind_after, remind=True))
        if self.escalate_after is not None and self.escalate_to is not None:
            short.append(EscalationStep(after=self.escalate_after, ask_group=self.escalate_to))
        return [*short, *self.escalation]

    @property
    def asked(self) -> list[Stage]:
        """The stages in order, whichever way they are written."""
        return self.stages or ([Stage(group=self.group, quorum=self.quorum)] if self.group is not None else [])


class PolicyChanges(Frozen):
    """Who approves a change of the policy itself. The author of a change never does."""

    owner: Identifier
    approval: Identifier

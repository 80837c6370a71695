"""The record of one action: everything that is known about it, as every door and notifier reads it."""

from datetime import datetime
from typing import Any

from domain.action import Action, Frozen, Outcome, Route, State, Tier
from domain.approval import Approval
from domain.holds import Hold
from domain.policy import Judgement


class Execution(Frozen):
    """The running of the revision. `uncertain` is true while an effect may have happened without an outcome.

    `intent_at` is None when the action was refused at the last gate, before any intent.
    """

    key: str
    intent_at: datetime | None = None
    uncertain: bool = True
    outcome: Outcome | None = None
    result: dict[str, Any] = {}
    ended_at: datetime | None = None


class ActionRecord(Frozen):
    """One action with its assessment, its approval and its execution, as far as they exist.

    `hold` is the oldest hold that is on over it, while it is not over. `exceeded` names the limits that it went over
    when it was submitted, with the tier that each raises to. `canary` is for the gates alone: to people it is shown
    as `was_canary`, once they have decided.
    """

    action: Action
    owner: str
    state: State
    judgement: Judgement | None = None
    approval: Approval | None = None
    execution: Execution | None = None
    hold: Hold | None = None
    exceeded: dict[str, Tier] = {}
    canary: bool = False
    updated_at: datetime

    @property
    def tier(self) -> Tier | None:
        """The tier, once assessed."""
        return self.judgement.assessment.tier if self.judgement else None

    @property
    def route(self) -> Route | None:
        """The route, once assessed."""
        return self.judgement.route if self.judgement else None

    @property
    def was_canary(self) -> bool:
        """Whether it was a harmless fake, as far as people may know: not before the question is closed."""
        decided = self.approval is not None and self.approval.outcome is not None
        return self.canary and (decided or self.state.final)


class Claim(Frozen):
    """The right to run an action's revision now. `since` names the attempt; an earlier one may have had its effect."""

    record: ActionRecord
    may_have_happened: bool
    since: datetime

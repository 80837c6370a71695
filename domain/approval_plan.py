"""The plan of an approval: who is asked in which order, and what happens when, as it was judged for one action.

Times are absolute and in UTC, because zones and calendars have no place inside a workflow.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from pydantic import model_validator

from domain.action import Frozen, Identifier
from domain.catalog.routes import EscalationStep, RejectionReason, Stage


class StepKind(StrEnum):
    """What a timer does."""

    REMIND = "remind"
    ESCALATE = "escalate"
    EXPIRE = "expire"


class PlannedStep(Frozen):
    """A step of an escalation, at its moment: it reminds, or asks whom it names. Who that is, is found out then.

    Of plans of earlier versions, the group is asked as it stands (`as_named`).
    """

    number: int
    at: datetime
    ask_group: Identifier | None = None
    ask_person: Identifier | None = None
    ask_owner: Literal["agent", "use_case"] | None = None
    ask_rotation: Identifier | None = None
    as_named: bool = False

    @property
    def kind(self) -> StepKind:
        """What it does."""
        return StepKind.ESCALATE if self.whom else StepKind.REMIND

    @property
    def whom(self) -> str | None:
        """Whom it asks, in words; None for a reminder."""
        if self.ask_owner is not None:
            return f"the owner of the {self.ask_owner.replace('_', ' ')}"
        if self.ask_rotation is not None:
            return f"whoever is on call by {self.ask_rotation}"
        return self.ask_group or self.ask_person


class ApprovalPlan(Frozen):
    """How people are asked.

    `escalation` are the steps as the policy has them, for stages to come; `steps` those of the stages that are asked
    now. `requester_unknown` says that the agent acts on behalf of somebody whom the catalog does not know, so that
    nobody could be excluded for it. With `step_up` an approval counts only from somebody who signed in anew.
    """

    rule: str
    stages: list[Stage]
    exclude_earlier_stages: bool = True
    excluded: dict[str, str] = {}
    requester_unknown: bool = False
    reason_required: bool = False
    rejection_reasons: list[RejectionReason] = []
    step_up: bool = False
    edit_counts: bool = False
    escalation: list[EscalationStep] = []
    steps: list[PlannedStep] = []
    expires_at: datetime
    extension: timedelta | None = None
    approval_lifetime: timedelta | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_earlier_versions(cls, data: Any) -> Any:
        """Read what earlier versions wrote: one stage and the later ones, one reminder and one escalation."""
        if not isinstance(data, Mapping) or "group" not in data:
            return data
        known = dict(data)
        first = {"group": known.pop("group"), "quorum": known.pop("quorum")}
        known["stages"] = [first, *(known.pop("later", None) or [])]
        remind, escalate, group = (known.pop(name, None) for name in ("remind_at", "escalate_at", "escalate_to"))
        steps: list[dict[str, Any]] = [{"number": 1, "at": remind}] if remind else []
        if escalate and group:
            steps.append({"number": 2, "at": escalate, "ask_group": group, "as_named": True})
        return {**known, "steps": steps}

    def rejection_reason(self, reason_id: str | None) -> RejectionReason | None:
        """Return the reason that somebody chose; None where there is no such one."""
        return next((reason for reason in self.rejection_reasons if reason.id == reason_id), None)

    def together(self, stage: int) -> list[int]:
        """Return the numbers of the stages that are asked together with one; the first stage is 1."""
        first = stage
        while first > 1 and self.stages[first - 1].alongside:
            first -= 1
        last = first
        while last < len(self.stages) and self.stages[last].alongside:
            last += 1
        return list(range(first, last + 1))

"""Plans of approvals for tests: one group, the stages after it, one reminder and one escalation."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from domain.approval_plan import ApprovalPlan, PlannedStep
from domain.catalog import Stage


def planned(
    *,
    expires_at: datetime,
    group: str = "finance",
    quorum: int = 1,
    later: Sequence[Stage] = (),
    remind_at: datetime | None = None,
    escalate_at: datetime | None = None,
    escalate_to: str = "on-call",
    **changes: Any,
) -> ApprovalPlan:
    """Return a plan by the rule `one`."""
    steps = [PlannedStep(number=1, at=remind_at)] if remind_at else []
    if escalate_at is not None:
        steps.append(PlannedStep(number=2, at=escalate_at, ask_group=escalate_to))
    stages = [Stage(group=group, quorum=quorum), *later]
    return ApprovalPlan(**{"rule": "one", "stages": stages, "steps": steps, "expires_at": expires_at, **changes})

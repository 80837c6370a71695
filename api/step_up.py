"""Approvals that count only from somebody who has just signed in anew: what the page offers, and what is told.

Without a sign-in provider nobody can do that, so nobody can approve such an action, from any door. It can be rejected.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from domain.approval import Receipt
from domain.errors import Refusal, RefusalCode
from domain.policy import Policy
from domain.record import ActionRecord
from settings import Settings

SIGN_IN_ANEW = "/review/oidc"
_NO_PROVIDER = (
    "no sign-in provider is set up, so nobody can approve it from anywhere: an admin has to set REMIT_OIDC_ISSUER and "
    "REMIT_OIDC_CLIENT_ID"
)


@dataclass(frozen=True)
class StepUp:
    """What an approval needs besides the vote.

    `done_until` is how long the person's new sign-in counts, None before it; `link` leads to it, None where it cannot
    be had, and `why_not` then says so.
    """

    done_until: datetime | None = None
    link: str | None = None
    why_not: str | None = None


def step_up_of(record: ActionRecord, until: datetime | None, settings: Settings, now: datetime) -> StepUp | None:
    """Return what approving an action needs of a person who counts as signed in anew `until` then; None for nothing."""
    if record.approval is None or not record.approval.plan.step_up:
        return None
    if settings.oidc_issuer is None:
        return StepUp(why_not=f"An approval of this counts only after signing in anew, and {_NO_PROVIDER}.")
    if is_stepped_up(until, now):
        return StepUp(done_until=until)
    wanted = urlencode({"next": f"/review/{record.action.id}", "fresh": "true"})
    return StepUp(link=f"{SIGN_IN_ANEW}?{wanted}")


def stepped_up_until(settings: Settings, at: datetime | None) -> datetime | None:
    """Return how long a new sign-in counts; None without one, or where there is no sign-in provider any more."""
    if at is None or settings.oidc_issuer is None:
        return None
    return at + timedelta(seconds=settings.step_up_max_age_seconds)


def is_stepped_up(until: datetime | None, now: datetime) -> bool:
    """Whether somebody counts as signed in anew."""
    return until is not None and now <= until


def with_the_way(answer: Receipt, action_id: str, settings: Settings) -> Receipt:
    """Return a receipt that says where to sign in anew, if that is why the vote does not count."""
    refusal = answer.refusal
    if refusal is None or refusal.code is not RefusalCode.STEP_UP_REQUIRED:
        return answer
    way = f"open {str(settings.public_url).rstrip('/')}/review/{action_id} to do so"
    message = f"{refusal.message}; {way if settings.oidc_issuer else _NO_PROVIDER}"
    return answer.model_copy(update={"refusal": Refusal(code=refusal.code, message=message)})


def readiness_of(policy: Policy, settings: Settings) -> str:
    """Return `ok`, or which approval rules nobody can satisfy because there is no sign-in provider."""
    rules = [rule.id for rule in policy.bundle.approvals if rule.step_up]
    if settings.oidc_issuer is not None or not rules:
        return "ok"
    named = ", ".join(f"'{rule}'" for rule in rules)
    return f"the approval rules {named} ask for a new sign-in, and {_NO_PROVIDER}"

"""Everything that can go wrong, as one tree.

RemitError                      code                     retryable
├── RequestError                                                    the caller must change something
│   ├── InvalidRequest          invalid_request          no
│   ├── InvalidArguments        invalid_arguments        no
│   ├── Unauthenticated         unauthenticated          no
│   ├── Forbidden               forbidden                no
│   ├── NotFound                not_found                no
│   ├── UnknownUseCase          unknown_use_case         no
│   ├── UnknownActionType       unknown_action_type      no
│   ├── PolicyDenied            policy_denied            no
│   ├── IdempotencyConflict     idempotency_conflict     no
│   ├── TooLarge                too_large                no
│   └── Refused                 a Refusal's own code     no        a vote or a cancellation that does not count
├── Held                        held                     yes       a hold is on: try again when it is lifted
├── RateLimited                 rate_limited             yes       a limit is reached: try again when there is room
├── BundleInvalid               bundle_invalid           no        the policy files do not load
├── EffectError                                                     an executor could not do its work
│   ├── EffectRefused           effect_refused           no        the other side said no: nothing happened
│   ├── EffectNotSent           effect_not_sent          yes       nothing left this machine
│   └── EffectUnknown           effect_unknown           yes       it may have happened
├── LedgerBroken                ledger_broken            no
└── Unavailable                                                     try again later with the same key
    ├── EngineUnavailable       engine_unavailable       yes
    ├── DatabaseUnavailable     database_unavailable     yes
    ├── PolicyUnavailable       policy_unavailable       yes
    ├── NotifierUnavailable     notifier_unavailable     yes
    └── SignInUnavailable       sign_in_unavailable      yes

They are translated in two places only: activities make them Temporal failures, the API makes them
problem+json. Messages name the value and say what to do about it.
"""

from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class RefusalCode(StrEnum):
    """Why a vote or a cancellation does not count. A time-out is `expired`, never a denial."""

    NOT_FOUND = "not_found"
    ALREADY_DECIDED = "already_decided"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    NOT_ELIGIBLE = "not_eligible"
    MEMBERSHIP_UNCONFIRMED = "membership_unconfirmed"
    TRAINING_REQUIRED = "training_required"
    SELF_APPROVAL = "self_approval"
    DUPLICATE_VOTE = "duplicate_vote"
    REASON_REQUIRED = "reason_required"
    NOT_WAITING = "not_waiting"
    DIGEST_MISMATCH = "digest_mismatch"
    HELD = "held"
    QUESTIONS_OPEN = "questions_open"
    STEP_UP_REQUIRED = "step_up_required"
    EDIT_REFUSED = "edit_refused"
    NOT_OFFERED = "not_offered"
    TOO_MANY_REQUESTS = "too_many_requests"


class Refusal(BaseModel):
    """A refusal is a value: it is recorded in the ledger and told to the person."""

    model_config = ConfigDict(frozen=True)

    code: RefusalCode
    message: str


class RemitError(Exception):
    """Root of the tree: `code` is what programs match on, `retryable` whether the same call may succeed later."""

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False


class RequestError(RemitError):
    """The caller must change the request."""

    code = "request_error"


class InvalidRequest(RequestError):
    """The request cannot be read: wrong shape, wrong size, not representable in canonical JSON."""

    code = "invalid_request"


class InvalidArguments(RequestError):
    """The arguments do not fit the action type's JSON Schema."""

    code = "invalid_arguments"


class Unauthenticated(RequestError):
    """No credential, or one that is not known."""

    code = "unauthenticated"


class Forbidden(RequestError):
    """A known caller may not do this."""

    code = "forbidden"


class NotFound(RequestError):
    """There is no such thing, or the caller may not see it."""

    code = "not_found"


class UnknownUseCase(RequestError):
    """The catalog has no such use case."""

    code = "unknown_use_case"


class UnknownActionType(RequestError):
    """The catalog has no such action type."""

    code = "unknown_action_type"


class PolicyDenied(RequestError):
    """The catalog knows the agent, the use case and the action type, and does not let them go together."""

    code = "policy_denied"


class IdempotencyConflict(RequestError):
    """The key was used before with another body; the first action is untouched."""

    code = "idempotency_conflict"


class TooLarge(RequestError):
    """The request is larger or deeper than the limits."""

    code = "too_large"


class Refused(RequestError):
    """A vote or a cancellation that does not count, for a door that speaks in errors."""

    code = "refused"

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Held(RemitError):
    """A hold is on over what is asked for: nothing was accepted. The same request may be sent when it is lifted."""

    code = "held"
    retryable = True


class RateLimited(RemitError):
    """A limit of the policy is reached, named by `guardrail`: nothing was accepted, or nothing was run.

    `retry_after` is in how many seconds there is room; None when waiting does not help.
    """

    code = "rate_limited"
    retryable = True

    def __init__(self, message: str, guardrail: str = "", retry_after: int | None = None) -> None:
        super().__init__(message)
        self.guardrail = guardrail
        self.retry_after = retry_after


class BundleInvalid(RemitError):
    """The policy files do not load; each problem names its file and place."""

    code = "bundle_invalid"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class EffectError(RemitError):
    """An executor could not do its work.

    Messages of the two kinds that are tried again stand in Temporal's history, so they never quote what the other
    side answered.
    """

    code = "effect_error"


class EffectRefused(EffectError):
    """The other side answered no, or the request could not be formed: nothing happened."""

    code = "effect_refused"


class EffectNotSent(EffectError):
    """Nothing left this machine, so trying again is safe for every executor."""

    code = "effect_not_sent"
    retryable = True


class EffectUnknown(EffectError):
    """It may have happened: only an idempotent executor may try again."""

    code = "effect_unknown"
    retryable = True


class LedgerBroken(RemitError):
    """The ledger does not verify; the message names the first broken entry."""

    code = "ledger_broken"


class Unavailable(RemitError):
    """A part of the system does not answer: nothing was decided, try again with the same key."""

    code = "unavailable"
    retryable = True


class EngineUnavailable(Unavailable):
    """Temporal does not answer."""

    code = "engine_unavailable"


class DatabaseUnavailable(Unavailable):
    """PostgreSQL does not answer."""

    code = "database_unavailable"


class PolicyUnavailable(Unavailable):
    """No policy bundle is active: nothing can be decided, so nothing runs."""

    code = "policy_unavailable"


class NotifierUnavailable(Unavailable):
    """A place where people are asked (Slack) does not answer: the card is shown later.

    `retry_after` is in how many seconds it wants to be asked again; None when it did not say.
    """

    code = "notifier_unavailable"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SignInUnavailable(Unavailable):
    """The sign-in provider does not answer, or not as agreed: nobody can sign in by it now."""

    code = "sign_in_unavailable"

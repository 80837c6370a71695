"""The one place where Remit's errors become HTTP: problem+json (RFC 9457) with a typed `code`."""

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from domain.errors import (
    BundleInvalid,
    DatabaseUnavailable,
    EngineUnavailable,
    Forbidden,
    Held,
    IdempotencyConflict,
    InvalidArguments,
    InvalidRequest,
    NotFound,
    NotifierUnavailable,
    PolicyDenied,
    PolicyUnavailable,
    RateLimited,
    RefusalCode,
    Refused,
    RemitError,
    SignInUnavailable,
    TooLarge,
    Unauthenticated,
    UnknownActionType,
    UnknownUseCase,
)

log = structlog.get_logger(__name__)
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = "2"

STATUS: dict[type[RemitError], int] = {
    InvalidRequest: 422,
    InvalidArguments: 422,
    UnknownUseCase: 422,
    UnknownActionType: 422,
    Unauthenticated: 401,
    Forbidden: 403,
    PolicyDenied: 403,
    NotFound: 404,
    IdempotencyConflict: 409,
    TooLarge: 413,
    Held: 423,
    RateLimited: 429,
    EngineUnavailable: 503,
    DatabaseUnavailable: 503,
    PolicyUnavailable: 503,
    NotifierUnavailable: 503,
    SignInUnavailable: 503,
    BundleInvalid: 503,
}
REFUSAL_STATUS: dict[RefusalCode, int] = {
    RefusalCode.NOT_FOUND: 404,
    RefusalCode.ALREADY_DECIDED: 409,
    RefusalCode.EXPIRED: 409,
    RefusalCode.SUPERSEDED: 409,
    RefusalCode.NOT_WAITING: 409,
    RefusalCode.DUPLICATE_VOTE: 409,
    RefusalCode.DIGEST_MISMATCH: 409,
    RefusalCode.QUESTIONS_OPEN: 409,
    RefusalCode.NOT_OFFERED: 409,
    RefusalCode.NOT_ELIGIBLE: 403,
    RefusalCode.MEMBERSHIP_UNCONFIRMED: 403,
    RefusalCode.TRAINING_REQUIRED: 403,
    RefusalCode.SELF_APPROVAL: 403,
    RefusalCode.STEP_UP_REQUIRED: 403,
    RefusalCode.EDIT_REFUSED: 403,
    RefusalCode.REASON_REQUIRED: 422,
    RefusalCode.HELD: 423,
    RefusalCode.TOO_MANY_REQUESTS: 429,
}
TITLE = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    422: "Cannot be processed",
    423: "Held",
    429: "A limit is reached",
    500: "A bug in Remit",
    503: "Not available",
}


class Problem(BaseModel):
    """An error as callers get it: match on `code`, show `detail` to people."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Conflict"])
    status: int = Field(examples=[409])
    code: str = Field(examples=["idempotency_conflict"])
    detail: str = Field(examples=["the key was used before with another body"])


RETRY_AFTER = {
    429: "In how many seconds there is room; without it waiting does not help",
    503: "In how many seconds to try again",
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI `responses` of an endpoint that may answer these."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    responses: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        responses[status] = {"model": Problem, "description": TITLE[status], "content": {MEDIA_TYPE: schema}}
        if meaning := RETRY_AFTER.get(status):
            header = {"description": meaning, "schema": {"type": "integer", "minimum": 1}}
            responses[status]["headers"] = {"Retry-After": header}
    return responses


def problem(status: int, code: str, detail: str, retry_after: int | None = None) -> JSONResponse:
    """Return an error response. `retry_after` is in seconds."""
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 503:
        headers["Retry-After"] = RETRY_AFTER_SECONDS
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    body = Problem(type="about:blank", title=TITLE.get(status, "Error"), status=status, code=code, detail=detail)
    return JSONResponse(body.model_dump(), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def status_of(error: RemitError) -> int:
    """Return the HTTP status of an error; 500 for one that should never reach a caller."""
    if isinstance(error, Refused):
        return REFUSAL_STATUS[error.refusal.code]
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


def install(app: FastAPI) -> None:
    """Make every error of the app a problem."""

    @app.exception_handler(RemitError)
    async def remit_error(_request: Request, error: RemitError) -> JSONResponse:
        status = status_of(error)
        code = error.refusal.code.value if isinstance(error, Refused) else error.code
        if status >= 500:
            log.warning("request_failed", code=code, detail=str(error))
        retry_after = error.retry_after if isinstance(error, RateLimited) else None
        return problem(status, code, str(error), retry_after)

    @app.exception_handler(RequestValidationError)
    async def unreadable(_request: Request, error: RequestValidationError) -> JSONResponse:
        shown = "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors()[:5])
        return problem(422, InvalidRequest.code, shown)

    @app.exception_handler(HTTPException)
    async def refused(_request: Request, error: HTTPException) -> JSONResponse:
        code = {404: NotFound.code, 405: "method_not_allowed", 413: TooLarge.code}.get(
            error.status_code, InvalidRequest.code
        )
        return problem(error.status_code, code, str(error.detail))

    @app.exception_handler(Exception)
    async def bug(_request: Request, error: Exception) -> JSONResponse:
        log.error("bug", exc_info=error)
        return problem(500, "internal_error", "a bug in Remit; nothing was executed by this request")

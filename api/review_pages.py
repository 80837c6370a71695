"""What every review page has in common: its templates, its headers, and errors that a person can read."""

import json
import re
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException

from api.problems import RETRY_AFTER_SECONDS, status_of
from api.review_text import unchanged, visible
from domain.errors import RemitError, Unauthenticated

log = structlog.get_logger(__name__)
PREFIX = "/review"
SIGN_IN = f"{PREFIX}/sign-in"
_LOCAL_PAGE = re.compile(rf"{PREFIX}(/[0-9a-f]{{32}})?")
_POSTED = re.compile(r"/(votes|revisions|approval)\Z")
FOLDER = Path(__file__).parent / "pages"

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Nothing leaves this origin. Not `no-referrer`: with it browsers send `Origin: null` with our own forms, and
    # the check that a form came from our page could not tell it from a stranger's.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_TITLES = {
    401: "You are not signed in",
    403: "This is not allowed",
    404: "There is no such page",
    405: "This cannot be opened like that",
    413: "That is too large",
    415: "That form cannot be read",
    422: "That cannot be processed",
    500: "Something is wrong in Remit",
    503: "Remit cannot answer right now",
}
_ADVICE = {
    401: "Nothing was done. Sign in, and do it again.",
    403: "Nothing was done. Go back to the inbox and open the action from there.",
    404: "The link may be incomplete. Open the action from the inbox.",
    405: "Nothing was done. Use the buttons on an action's page.",
    500: "Nothing was executed by this request. Tell whoever runs Remit when it happened.",
    503: "Try again in a moment. A vote sent twice from the same page counts once.",
}


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _span(span: timedelta) -> str:
    """Say how long a span is in its two largest units."""
    minutes = abs(int(span.total_seconds())) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if n]
    return " ".join(parts[:2]) or "less than a minute"


def _json(value: Any) -> str:
    """Write a value as JSON text; unlike Jinja's `tojson` it is then shown like any other text."""
    return json.dumps(value, ensure_ascii=False)


_templates = Environment(
    loader=FileSystemLoader(FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    finalize=visible,
)
_templates.filters.update(moment=_moment, span=_span, json=_json, unchanged=unchanged)


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page. Its template knows who is signed in as `who`, None for nobody."""
    return HTMLResponse(_templates.get_template(template).render({"who": None, **values}), status_code=status)


def problem_page(status: int, detail: str, sign_in: str | None = None) -> HTMLResponse:
    """Return an error as a page, with its headers: what happened, and what to do now."""
    title, advice = _TITLES.get(status, "This did not work"), _ADVICE.get(status, "Nothing was done.")
    response = page("problem.html", status, title=title, detail=detail, advice=advice, sign_in=sign_in)
    response.headers.update(HEADERS)
    if status == 503:
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return response


def redirect(path: str) -> Response:
    """Send the browser on to a page of ours, by GET whatever it came with."""
    return RedirectResponse(path, status_code=303)


def local_page(wanted: str) -> str:
    """Return the page to go to after signing in: the inbox or an action of this site, whatever was asked for."""
    return wanted if _LOCAL_PAGE.fullmatch(wanted) else PREFIX


def sign_in_link(wanted: str) -> str:
    """Return the sign-in page's address that leads on to `wanted`."""
    return f"{SIGN_IN}?{urlencode({'next': local_page(wanted)})}"


class PageRoute(APIRoute):
    """A route that answers people: every error is a page, every answer carries the security headers."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the route's handler with its errors turned into pages."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                response = await handle(request)
            except Exception as error:
                response = _answer(request, error)
            response.headers.update(HEADERS)
            return response

        return handled


def _answer(request: Request, error: Exception) -> Response:
    if isinstance(error, Unauthenticated):
        # Forms are posted one level below their action; signing in leads back to the action, not to the post.
        wanted = _POSTED.sub("", request.url.path)
        link = sign_in_link(wanted)
        return redirect(link) if request.method in ("GET", "HEAD") else problem_page(401, str(error), link)
    if isinstance(error, RemitError):
        status = status_of(error)
        if status >= 500:
            log.warning("page_failed", code=error.code, detail=str(error))
        return problem_page(status, str(error))
    if isinstance(error, RequestValidationError):
        if any(found["loc"][0] == "path" for found in error.errors()):
            return problem_page(404, "no action has such an id")
        return problem_page(422, "the address or the form is not one that these pages make")
    if isinstance(error, HTTPException):
        response = problem_page(error.status_code, str(error.detail))
        response.headers.update(error.headers or {})
        return response
    log.error("bug", exc_info=error)
    return problem_page(500, "a bug in Remit")

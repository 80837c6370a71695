"""Forms as they come in: bounded, readable, and sent from our own page."""

import hmac
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, HTTPException, Request
from pydantic import HttpUrl

from api.identity import Doors
from domain.errors import Forbidden, InvalidRequest, TooLarge

MAX_FORM_BYTES = 32 * 1024
"""A reason of 2000 characters takes at most 24 000 bytes when each is four bytes, percent-encoded."""
_MAX_FIELDS = 12
_MEDIA_TYPE = "application/x-www-form-urlencoded"
_SCHEME_PORTS = {"http": 80, "https": 443}


async def posted(request: Request, doors: Doors) -> Mapping[str, str]:
    """Return the fields of a form that one of our pages sent. Raises as `read_form` does."""
    return await read_form(request, doors, MAX_FORM_BYTES, _MAX_FIELDS)


async def read_form(request: Request, doors: Doors, max_bytes: int, max_fields: int) -> Mapping[str, str]:
    """Return the fields of a form that one of our pages sent, within its limits.

    Raises Forbidden for a post from another site, TooLarge, InvalidRequest for what no browser sends.
    """
    require_same_origin(request, doors.settings.public_url)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _MEDIA_TYPE:
        raise HTTPException(415, f"forms are sent as {_MEDIA_TYPE}")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise TooLarge(f"the form is larger than {max_bytes} bytes")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=max_fields)
    except ValueError as problem:
        raise InvalidRequest("the form is not readable UTF-8 text") from problem
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise InvalidRequest("the form has the same field twice")
    return fields


PostedForm = Annotated[Mapping[str, str], Depends(posted)]


def require_same_origin(request: Request, public_url: HttpUrl) -> None:
    """Raise Forbidden when the browser says that another site sent this. Browsers always say; scripts need not.

    This alone guards the sign-in forms (somebody could sign a person in as somebody else, to have votes cast
    under the wrong name): before sign-in there is no session that a form token could belong to.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    host = request.headers.get("host", "")
    ours = {_origin(public_url), f"http://{host}", f"https://{host}"}
    if site not in ("same-origin", "none") or (origin is not None and origin not in ours):
        raise Forbidden("the form was sent by another site, not by a page of Remit")


def require_form_token(form: Mapping[str, str], expected: str) -> None:
    """Raise Forbidden unless the form was made for this session."""
    if not hmac.compare_digest(form.get("form_token", "").encode(), expected.encode()):
        raise Forbidden("the form was not made for this session; reload the page and send it again")


def _origin(url: HttpUrl) -> str:
    parts = urlsplit(str(url))
    port = "" if parts.port in (None, _SCHEME_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{(url.host or '').lower()}{port}"

"""Signing in on the page, with a reviewer's token or a one-time link, and signing out."""

import re
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from adapters.database.tokens import TokenKind
from api.connections import Connections
from api.identity import MAX_TOKEN_LENGTH, Doors
from api.review_forms import PostedForm
from api.review_pages import PREFIX, SIGN_IN, PageRoute, local_page, page, redirect
from api.review_session import SignedForm, close_session, known_person, open_session
from api.step_up import SIGN_IN_ANEW
from domain.errors import Forbidden

router = APIRouter(route_class=PageRoute, include_in_schema=False)  # under the prefix of the router it joins
_READ = ["GET", "HEAD"]
_LINK_SECRET = re.compile(r"remit_link_[A-Za-z0-9_-]{43}")
Next = Annotated[str, Query(max_length=200)]


@router.api_route("/sign-in", methods=_READ)
async def sign_in_form(doors: Doors, next: Next = PREFIX) -> Response:  # noqa: A002  its name in the address
    """Show the ways to sign in."""
    return sign_in_page(doors, wanted=local_page(next))


@router.post("/sign-in")
async def sign_in(request: Request, form: PostedForm, doors: Doors) -> Response:
    """Sign in with a reviewer's token. Guessing needs no brake: a token is 256 random bits."""
    wanted = local_page(form.get("next", ""))
    token = form.get("token", "").strip()
    found = await doors.tokens.caller(token) if 0 < len(token) <= MAX_TOKEN_LENGTH else None
    if found is None:
        problem = "That token is not known, or it was revoked. Ask an admin for a new one."
        return sign_in_page(doors, 401, wanted=wanted, problem=problem)
    if found.kind is not TokenKind.REVIEWER:
        problem = f"That is a token of kind {found.kind.value}. Only a reviewer's token signs in here."
        return sign_in_page(doors, 403, wanted=wanted, problem=problem)
    return await _enter(doors, request, found.subject, wanted)


@router.api_route("/enter", methods=_READ)
async def link_form(
    doors: Doors,
    code: Annotated[str, Query(max_length=MAX_TOKEN_LENGTH)] = "",
    next: Next = PREFIX,  # noqa: A002
) -> Response:
    """Show what a one-time link leads to. Opening it does not use it up, since mail scanners open links, too."""
    if not _LINK_SECRET.fullmatch(code):
        problem = "That link is not complete. Copy all of it."
        return sign_in_page(doors, 404, wanted=local_page(next), problem=problem)
    return page("enter.html", code=code, wanted=local_page(next))


@router.post("/enter")
async def enter(request: Request, form: PostedForm, doors: Doors) -> Response:
    """Sign in with a one-time link, which is used up by it."""
    wanted, code = local_page(form.get("next", "")), form.get("code", "")
    person = await doors.sessions.use_link(code, datetime.now(UTC)) if _LINK_SECRET.fullmatch(code) else None
    if person is None:
        problem = "That link was used before, or it is too old. Ask for a new one, or sign in with your token."
        return sign_in_page(doors, 403, wanted=wanted, problem=problem)
    return await _enter(doors, request, person, wanted)


@router.post("/sign-out")
async def sign_out(request: Request, _form: SignedForm, doors: Doors) -> Response:
    """End the session."""
    response = redirect(SIGN_IN)
    await close_session(doors, request, response)
    return response


def sign_in_page(
    doors: Connections, status: int = 200, *, wanted: str = PREFIX, problem: str | None = None
) -> Response:
    """Return the page with the ways to sign in, and what went wrong before."""
    provider = f"{SIGN_IN_ANEW}?{urlencode({'next': wanted})}" if doors.settings.oidc_issuer else None
    return page("sign_in.html", status, wanted=wanted, problem=problem, provider=provider)


async def _enter(doors: Connections, request: Request, person_id: str, wanted: str) -> Response:
    try:
        person = known_person(await doors.policies.current(), person_id)
    except Forbidden as problem:
        return sign_in_page(doors, 403, wanted=wanted, problem=f"You cannot sign in: {problem}.")
    response = redirect(wanted)
    await open_session(doors, request, response, person)
    return response

"""Signing in on the page by the sign-in provider, at first or anew."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from adapters.database.sign_ins import SignIn
from api.connections import Connections
from api.identity import MAX_TOKEN_LENGTH, Doors
from api.oidc import CALLBACK, Provider, provider_of
from api.review_pages import PREFIX, PageRoute, local_page, redirect
from api.review_session import open_session
from api.review_sign_in import Next, sign_in_page
from domain.errors import Forbidden, NotFound
from domain.sign_in import person_of, signed_in_at

router = APIRouter(route_class=PageRoute, include_in_schema=False)  # under the prefix of the router it joins
COOKIE = "remit_sign_in"
PATIENCE = timedelta(minutes=10)
"""How long somebody may take at the provider."""
_FOLDER = f"{PREFIX}/oidc"


@router.get("/oidc")
async def begin(doors: Doors, next: Next = PREFIX, fresh: bool = False) -> Response:  # noqa: A002
    """Send somebody to the sign-in provider; with `fresh` it is to ask them who they are, whatever it knows."""
    provider = _provider(doors)
    browser, state = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    sign_in = SignIn(
        nonce=secrets.token_urlsafe(32), verifier=secrets.token_urlsafe(48), wanted=local_page(next), fresh=fresh
    )
    response = redirect(await provider.address(sign_in, state))
    now = datetime.now(UTC)
    await doors.sign_ins.begin(browser, state, sign_in, now, now + PATIENCE)
    response.set_cookie(
        COOKIE,
        browser,
        max_age=int(PATIENCE.total_seconds()),
        path=_FOLDER,
        secure=doors.settings.public_url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return response


@router.get(CALLBACK.removeprefix(PREFIX))
async def finish(
    request: Request,
    doors: Doors,
    state: Annotated[str, Query(max_length=MAX_TOKEN_LENGTH)] = "",
    code: Annotated[str, Query(max_length=8000)] = "",
    error: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Take somebody back from the provider: prove who they are, and open a new session."""
    provider = _provider(doors)
    browser = request.cookies.get(COOKIE, "")
    sign_in = None
    if 0 < len(browser) <= MAX_TOKEN_LENGTH and state:
        sign_in = await doors.sign_ins.finish(browser, state, datetime.now(UTC))
    if sign_in is None:
        problem = "This sign-in was not begun in this browser, was finished before, or took too long. Begin again."
        return sign_in_page(doors, 403, problem=problem)
    if error or not code:
        problem = f"The sign-in provider did not sign you in ({error or 'it sent no code'}). Begin again."
        return sign_in_page(doors, 403, wanted=sign_in.wanted, problem=problem)
    try:
        return await _enter(doors, request, provider, sign_in, code)
    except Forbidden as refusal:
        return sign_in_page(doors, 403, wanted=sign_in.wanted, problem=f"You cannot sign in: {refusal}.")


async def _enter(doors: Connections, request: Request, provider: Provider, sign_in: SignIn, code: str) -> Response:
    now, settings = datetime.now(UTC), doors.settings
    claims = await provider.claims(sign_in, code, now)
    policy = await doors.policies.current()
    person = person_of(claims, settings.oidc_person_claim, policy.bundle.people)
    stepped_up_at = None
    if sign_in.fresh:
        stepped_up_at = signed_in_at(claims, now, timedelta(seconds=settings.step_up_max_age_seconds))
    response = redirect(sign_in.wanted)
    response.delete_cookie(COOKIE, path=_FOLDER)
    await open_session(doors, request, response, person, stepped_up_at)
    return response


def _provider(doors: Connections) -> Provider:
    provider = provider_of(doors.settings)
    if provider is None:
        raise NotFound("no sign-in provider is set up here; sign in with your token")
    return provider

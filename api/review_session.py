"""Who is signed in on the page: the session cookie, and the person of the catalog behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request, Response

from api.connections import Connections
from api.identity import MAX_TOKEN_LENGTH, Doors
from api.review_forms import posted, require_form_token
from api.review_pages import PREFIX
from api.step_up import stepped_up_until
from domain.catalog import Person
from domain.errors import Forbidden, Unauthenticated
from domain.policy import Policy

COOKIE = "remit_review"
SESSION_LIFETIME = timedelta(hours=12)


@dataclass(frozen=True)
class Reviewer:
    """The person signed in, and the policy that is active at this moment.

    Until `stepped_up_until` they count as having signed in anew; None when they have not.
    """

    person: Person
    form_token: str
    policy: Policy
    stepped_up_until: datetime | None = None


async def reviewer(request: Request, doors: Doors) -> Reviewer:
    """Return who is signed in.

    Raises Unauthenticated without a session, Forbidden when the catalog no longer has the person.
    """
    secret = request.cookies.get(COOKIE, "")
    session = None
    if 0 < len(secret) <= MAX_TOKEN_LENGTH:
        session = await doors.sessions.find(secret, datetime.now(UTC))
    if session is None:
        raise Unauthenticated("the session has ended, or there was none")
    policy = await doors.policies.current()
    person = known_person(policy, session.person)
    return Reviewer(person, session.form_token, policy, stepped_up_until(doors.settings, session.stepped_up_at))


SignedIn = Annotated[Reviewer, Depends(reviewer)]


async def signed_form(form: Annotated[Mapping[str, str], Depends(posted)], who: SignedIn) -> Mapping[str, str]:
    """Return the fields of a form that was made for this session."""
    require_form_token(form, who.form_token)
    return form


SignedForm = Annotated[Mapping[str, str], Depends(signed_form)]


def known_person(policy: Policy, person_id: str) -> Person:
    """Return a person of the active policy. Raises Forbidden when it has none of that id."""
    person = policy.people.get(person_id)
    if person is None:
        raise Forbidden(f"'{person_id}' is not a person of the active policy; ask an admin to add you")
    return person


async def open_session(
    doors: Connections, request: Request, response: Response, person: Person, stepped_up_at: datetime | None = None
) -> None:
    """Sign a person in: a new session and its cookie. The browser's earlier session ends."""
    await _end(doors, request)
    now = datetime.now(UTC)
    secret = await doors.sessions.open(person.id, now, now + SESSION_LIFETIME, stepped_up_at)
    response.set_cookie(
        COOKIE,
        secret,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        path=PREFIX,
        secure=doors.settings.public_url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


async def close_session(doors: Connections, request: Request, response: Response) -> None:
    """Sign out: the session ends in the database, not only in this browser."""
    await _end(doors, request)
    response.delete_cookie(COOKIE, path=PREFIX)


async def _end(doors: Connections, request: Request) -> None:
    secret = request.cookies.get(COOKIE, "")
    if 0 < len(secret) <= MAX_TOKEN_LENGTH:
        await doors.sessions.close(secret)

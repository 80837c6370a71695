"""The review page: an inbox, one page per action, and the vote, in plain HTML that needs no JavaScript."""

import secrets
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response
from fastapi.responses import FileResponse
from fastapi.routing import APIRoute
from starlette.routing import compile_path

from api import review_changes, review_oidc, review_sign_in
from api.identity import Doors
from api.review_action import Draft, action_page, ballot_of
from api.review_groups import grouped
from api.review_inbox import inbox_of
from api.review_pages import FOLDER, PREFIX, PageRoute, page, redirect
from api.review_receipt import notice_of_refusal, unanswered
from api.review_session import SignedForm, SignedIn
from api.voting import cast_ballot
from domain.errors import NotFound, RefusalCode, Unavailable

router = APIRouter(prefix=PREFIX, route_class=PageRoute, include_in_schema=False)
router.include_router(review_sign_in.router)
router.include_router(review_oidc.router)
router.include_router(review_changes.router)
_READ = ["GET", "HEAD"]
_METHODS = [*_READ, "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"]
ActionId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


@router.api_route("/remit.css", methods=_READ)
async def style() -> Response:
    """Return the pages' style sheet."""
    return FileResponse(FOLDER / "remit.css", media_type="text/css")


@router.api_route("", methods=_READ)
async def inbox_page(who: SignedIn, doors: Doors) -> Response:
    """Show what waits for the person signed in."""
    inbox = await inbox_of(doors, who)
    return page("inbox.html", who=who, inbox=inbox, mine=grouped(inbox.mine), others=grouped(inbox.others))


@router.api_route("/{action_id}", methods=_READ)
async def action(
    action_id: ActionId,
    who: SignedIn,
    doors: Doors,
    ballot: Annotated[str, Query(pattern=r"^[0-9a-f]{32}$")] = "",
    request: Annotated[str, Query(pattern=r"^[0-9a-f]{32}$")] = "",
    refused: RefusalCode | None = None,
) -> Response:
    """Show one action with everything that a decision needs. After a vote, `ballot` names the receipt to show, after
    an edit and the like `request` does."""
    draft = Draft(nonce=secrets.token_hex(16))
    return await action_page(doors, who, action_id, draft, cast=ballot, requested=request, refused=refused)


@router.post("/{action_id}/votes")
async def vote(action_id: ActionId, form: SignedForm, who: SignedIn, doors: Doors) -> Response:
    """Cast a vote on the revision that was shown, and lead back to the action with the receipt."""
    ballot, draft = ballot_of(form, who, datetime.now(UTC))
    try:
        receipt = await cast_ballot(doors, action_id, ballot)
    except Unavailable as problem:
        # The same form comes back with the same ballot in it: sent again, it counts once.
        return await action_page(doors, who, action_id, draft, notice=unanswered(problem), status=503)
    if receipt.refusal is None:
        return redirect(f"{PREFIX}/{action_id}?ballot={draft.nonce}")
    code = receipt.refusal.code
    if code is RefusalCode.REASON_REQUIRED:
        return await action_page(doors, who, action_id, draft, notice=notice_of_refusal(code), status=422)
    return redirect(f"{PREFIX}/{action_id}?ballot={draft.nonce}&refused={code.value}")


@router.api_route("", methods=_METHODS)
@router.api_route("/{rest:path}", methods=_METHODS)
async def elsewhere(request: Request, rest: str | None = None) -> Response:
    """Answer whatever no page answers, in HTML, too."""
    if rest == "" and request.method in _READ:
        return redirect(PREFIX)
    allowed = {method for path, methods in _PAGES if path.match(request.url.path) for method in methods}
    if allowed:
        raise HTTPException(405, f"this address does not take {request.method}", {"Allow": ", ".join(sorted(allowed))})
    raise NotFound("nothing stands at this address")


_PAGES = [
    (compile_path(prefix + route.path)[0], route.methods or set())
    for prefix, routes in (
        (PREFIX, review_sign_in.router.routes),
        (PREFIX, review_oidc.router.routes),
        (PREFIX, review_changes.router.routes),
        ("", router.routes),
    )
    for route in routes
    if isinstance(route, APIRoute) and route.endpoint is not elsewhere
]

"""Who is calling: bearer tokens. A token is of one kind, and an agent's can never do what a reviewer's can."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from adapters.database.tokens import Caller, TokenKind
from api.connections import Connections, connections
from domain.errors import Forbidden, Unauthenticated

MAX_TOKEN_LENGTH = 200
_bearer = HTTPBearer(auto_error=False, description="A token made by `remit token create`")


async def caller(
    doors: Annotated[Connections, Depends(connections)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """Return who is calling. Raises Unauthenticated for a missing, unknown or revoked token."""
    if credentials is None:
        raise Unauthenticated("send a token: Authorization: Bearer ...")
    found = None
    if len(credentials.credentials) <= MAX_TOKEN_LENGTH:
        found = await doors.callers.find(credentials.credentials)
    if found is None:
        raise Unauthenticated("the token is not known or was revoked; ask an admin for a new one")
    return found


def one_of(*kinds: TokenKind) -> Callable[[Caller], Awaitable[Caller]]:
    """Return a dependency that lets only these kinds of caller through."""

    async def allowed(who: Annotated[Caller, Depends(caller)]) -> Caller:
        if who.kind not in kinds:
            wanted = " or ".join(kind.value for kind in kinds)
            raise Forbidden(f"this needs a token of kind {wanted}; yours is {who.kind.value}")
        return who

    return allowed


AnyCaller = Annotated[Caller, Depends(caller)]
AgentCaller = Annotated[Caller, Depends(one_of(TokenKind.AGENT))]
ReviewerCaller = Annotated[Caller, Depends(one_of(TokenKind.REVIEWER))]
Doors = Annotated[Connections, Depends(connections)]

"""Bounds on what may come in, before anything reads it."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem
from api.review_pages import PREFIX, problem_page

MAX_BODY_BYTES = 256 * 1024


class BodyLimit:
    """Refuses a body over the limit with 413: by its announced length at once, else while it comes in."""

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, counting its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._limit:
            await self._too_large(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._limit:
                raise _TooLarge(413, f"the body is larger than {self._limit} bytes")
            return message

        try:
            await self._app(scope, counted, send)
        except _TooLarge:
            await self._too_large(scope, receive, send)

    async def _too_large(self, scope: Scope, receive: Receive, send: Send) -> None:
        detail = f"the body is larger than {self._limit} bytes"
        is_page = scope["path"].startswith(f"{PREFIX}/")
        response = problem_page(413, detail) if is_page else problem(413, "too_large", detail)
        await response(scope, receive, send)


class _TooLarge(HTTPException):
    """A body went over the limit while it came in. FastAPI passes HTTP errors on as they are."""

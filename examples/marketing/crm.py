"""The CRM of the example: a small HTTP service that does what it is told exactly once per Idempotency-Key.

    POST  /leads/{lead_id}/score        POST /offers                 GET /effects   what really happened
    POST  /leads/{lead_id}/owner        POST /refunds                GET /          the same, for people
    PATCH /accounts/{account_id}        POST /posts                  GET /healthz
    POST  /accounts/bulk-updates        PUT  /products/{product}/price

The same key with the same request gets the first answer again and has no second effect; with another request it
gets 409. Run: `python -m examples.marketing.crm --port 9100 --state crm.jsonl --token-file crm.token`
"""

import argparse
import hashlib
import html
import json
import secrets
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from examples.marketing.journal import Journal

MAX_BODY_BYTES = 64 * 1024
MAX_KEY_LENGTH = 200
WRITES = {
    ("POST", "/leads/{lead_id}/score"): "lead_scored",
    ("POST", "/leads/{lead_id}/owner"): "lead_routed",
    ("PATCH", "/accounts/{account_id}"): "account_updated",
    ("POST", "/accounts/bulk-updates"): "accounts_updated",
    ("POST", "/offers"): "offer_made",
    ("POST", "/refunds"): "refund_made",
    ("PUT", "/products/{product}/price"): "price_changed",
    ("POST", "/posts"): "post_published",
}


class Crm:
    """The effects that happened, each under its key."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._by_key = {effect["key"]: effect for effect in journal.records}

    @property
    def effects(self) -> list[dict[str, Any]]:
        """Every effect, oldest first."""
        return self._journal.records

    def apply(self, key: str, kind: str, request: str, body: dict[str, Any]) -> tuple[dict[str, Any], bool] | None:
        """Have an effect and return it with whether it is new; None when the key was used for another request."""
        canonical = json.dumps([request, body], sort_keys=True).encode()
        fingerprint = hashlib.sha256(canonical).hexdigest()
        earlier = self._by_key.get(key)
        if earlier is not None:
            return (earlier, False) if earlier["fingerprint"] == fingerprint else None
        effect = {
            "number": len(self.effects) + 1,
            "key": key,
            "kind": kind,
            "request": request,
            "body": body,
            "fingerprint": fingerprint,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        self._journal.add(effect)
        self._by_key[key] = effect
        return effect, True


def create_app(crm: Crm, token: str) -> Starlette:
    """Return the service. The page for people needs no token: it is read-only, and the service is on loopback."""

    def guarded(handle: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def guard(request: Request) -> Response:
            offered = request.headers.get("authorization", "").encode()
            if not secrets.compare_digest(offered, f"Bearer {token}".encode()):
                return JSONResponse({"error": "a bearer token is needed"}, 401)
            return await handle(request)

        return guard

    def write(kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            return await _written(crm, kind, request)

        return guarded(handle)

    async def effects(_: Request) -> Response:
        return JSONResponse({"effects": crm.effects})

    async def page(_: Request) -> Response:
        return HTMLResponse(_page(crm))

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            *(Route(path, write(kind), methods=[method]) for (method, path), kind in WRITES.items()),
            Route("/effects", guarded(effects)),
            Route("/healthz", healthz),
            Route("/", page),
        ]
    )


async def _written(crm: Crm, kind: str, request: Request) -> Response:
    key = request.headers.get("idempotency-key", "")
    if not 0 < len(key) <= MAX_KEY_LENGTH:
        return JSONResponse({"error": f"Idempotency-Key is needed, of up to {MAX_KEY_LENGTH} characters"}, 400)
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_BODY_BYTES:
            return JSONResponse({"error": f"the body is larger than {MAX_BODY_BYTES} bytes"}, 413)
    body = _read(content)
    if body is None:
        return JSONResponse({"error": "the body must be a JSON object"}, 400)
    applied = crm.apply(key, kind, f"{request.method} {request.url.path}", body)
    if applied is None:
        return JSONResponse({"error": "the Idempotency-Key was used for another request"}, 409)
    effect, new = applied
    answer = {"id": f"{kind}-{effect['number']}", "kind": kind, "at": effect["at"]}
    return JSONResponse(answer, 201, {} if new else {"Idempotent-Replayed": "true"})


def _read(content: bytes) -> dict[str, Any] | None:
    """Return the object, None for what is none or could not be written down again (NaN, half a surrogate pair)."""
    try:
        body = json.loads(content)
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _page(crm: Crm) -> str:
    names = ("number", "at", "kind", "request", "body", "key")
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{html.escape(_shown(effect[name]))}</td>" for name in names) + "</tr>"
        for effect in reversed(crm.effects)
    )
    heads = "".join(f"<th scope=col>{name}</th>" for name in names)
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Northwind CRM: what happened</title>
<style>body {{ font: 14px sans-serif; margin: 2em }} td, th {{ padding: .3em .8em; text-align: left;
border-bottom: 1px solid #ddd; vertical-align: top; overflow-wrap: anywhere }}</style>
<h1>What happened in the CRM</h1>
<p>{len(crm.effects)} effects, newest first. The key is the action's id in Remit.</p>
<table><thead><tr>{heads}</tr></thead><tbody>
{rows}
</tbody></table></html>
"""


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def main() -> None:
    """Run the CRM on loopback until it is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m examples.marketing.crm", description="The example CRM")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="file that keeps the effects")
    parser.add_argument("--token-file", type=Path, required=True, help="file with the bearer token that callers send")
    arguments = parser.parse_args()
    token = arguments.token_file.read_text().strip()
    if not token:
        parser.error(f"{arguments.token_file} is empty")
    with closing(Journal(arguments.state)) as journal:
        app = create_app(Crm(journal), token)
        uvicorn.run(app, host="127.0.0.1", port=arguments.port, log_level="warning", server_header=False)


if __name__ == "__main__":
    main()

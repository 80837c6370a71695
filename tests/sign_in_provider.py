"""A sign-in provider for tests: `oidc-provider-mock`, in a process of its own, with a strict front.

The provider lets in whom a test names, takes any secret and knows no PKCE; the front insists on both, as the providers
of organisations do. It signs whatever claims a test gives a user, so that tokens which are wrong are genuine, too.
"""

import asyncio
import base64
import contextlib
import hashlib
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

import httpx

from local.processes import free_port

CLIENT_ID, CLIENT_SECRET = "remit", "s3cret: with a colon"


@dataclass(frozen=True)
class SignInProvider:
    """A provider that runs, and what a test does there."""

    issuer: str
    process: asyncio.subprocess.Process

    async def says(self, subject: str, **claims: Any) -> None:
        """Let the provider put these claims into the next ID token of a user, whatever else it would have put there."""
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.put(f"{self.issuer}/users/{subject}", json=claims)
            assert answer.status_code == 204, answer.text

    async def sign_in(self, address: str, subject: str) -> str:
        """Sign in there as a user, and return the address that leads back."""
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(address, data={"sub": subject})
            assert answer.status_code == 302, answer.text
            return answer.headers["Location"]

    async def stop(self) -> None:
        """End it, as an outage does."""
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


@contextlib.asynccontextmanager
async def running_sign_in_provider() -> AsyncIterator[SignInProvider]:
    """Run a provider on a free port of this machine."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "tests.sign_in_provider",
        str(port),
        env={**os.environ, "AUTHLIB_INSECURE_TRANSPORT": "1"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    provider = SignInProvider(f"http://127.0.0.1:{port}", process)
    try:
        async with asyncio.timeout(30), httpx.AsyncClient(trust_env=False) as http:
            while True:
                assert process.returncode is None, "the sign-in provider ended"
                with contextlib.suppress(httpx.TransportError):
                    if (await http.get(f"{provider.issuer}/.well-known/openid-configuration")).status_code == 200:
                        break
                await asyncio.sleep(0.1)
        yield provider
    finally:
        await provider.stop()


def serve(port: int) -> None:
    """Serve in this process until it is ended."""
    import oidc_provider_mock
    from flask import Response, jsonify, request
    from werkzeug.serving import run_simple

    app = oidc_provider_mock.app(require_nonce=True)
    challenges: dict[str, str] = {}

    def remember(response: Response) -> Response:
        if request.path == "/oauth2/authorize" and response.status_code == 302:
            codes = parse_qs(urlsplit(response.headers["Location"]).query).get("code", [])
            if codes and request.args.get("code_challenge_method") == "S256":
                challenges[codes[0]] = request.args["code_challenge"]
        return response

    def insist() -> tuple[Response, int] | None:
        if request.path != "/oauth2/token":
            return None
        who = request.authorization
        if who is None or (who.username, who.password) != (CLIENT_ID, quote_plus(CLIENT_SECRET)):
            return jsonify(error="invalid_client"), 401
        proof = hashlib.sha256(request.form.get("code_verifier", "").encode()).digest()
        expected = base64.urlsafe_b64encode(proof).rstrip(b"=").decode()
        if challenges.get(request.form.get("code", "")) != expected:
            return jsonify(error="invalid_grant"), 400
        return None

    app.after_request(remember)
    app.before_request(insist)
    run_simple("127.0.0.1", port, app, threaded=True)


if __name__ == "__main__":
    serve(int(sys.argv[1]))

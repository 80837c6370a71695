"""The sign-in provider (OpenID Connect): the authorization code flow with PKCE, from our side.

Discovery and keys are fetched at each sign-in: people sign in twice a day at most, and a key that the provider has
changed is then never unknown.
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote_plus, urlencode

import httpx
import structlog
from pydantic import AfterValidator, BaseModel, ValidationError

from adapters.database.sign_ins import SignIn
from api.id_token import proven_claims
from domain.errors import Forbidden, SignInUnavailable
from domain.sign_in import is_protected
from settings import Settings

log = structlog.get_logger(__name__)
CALLBACK = "/review/oidc/callback"
_PATIENCE_SECONDS = 5.0
_BASIC = "client_secret_basic"


def _protected(url: str) -> str:
    if not is_protected(url):
        raise ValueError("not an HTTPS address")
    return url


Endpoint = Annotated[str, AfterValidator(_protected)]


class Metadata(BaseModel):
    """What the provider's discovery document says of it, as far as it is needed here."""

    issuer: str
    authorization_endpoint: Endpoint
    token_endpoint: Endpoint
    jwks_uri: Endpoint
    token_endpoint_auth_methods_supported: list[str] = [_BASIC]


class Provider:
    """The sign-in provider that the settings name."""

    def __init__(self, issuer: str, client_id: str, client_secret: str | None, redirect_uri: str) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri

    async def address(self, sign_in: SignIn, state: str) -> str:
        """Return where the person signs in. Raises SignInUnavailable."""
        async with _client() as http:
            metadata = await self._metadata(http)
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": "openid email profile",
            "state": state,
            "nonce": sign_in.nonce,
            "code_challenge": _challenge(sign_in.verifier),
            "code_challenge_method": "S256",
        }
        if sign_in.fresh:
            asked |= {"prompt": "login", "max_age": "0"}
        joint = "&" if "?" in metadata.authorization_endpoint else "?"
        return f"{metadata.authorization_endpoint}{joint}{urlencode(asked)}"

    async def claims(self, sign_in: SignIn, code: str, now: datetime) -> dict[str, Any]:
        """Exchange a code for the ID token, prove it, and return what it says.

        Raises Forbidden for a code or a token that does not count, SignInUnavailable when the provider cannot say.
        """
        async with _client() as http:
            metadata = await self._metadata(http)
            token = await self._id_token(http, metadata, sign_in, code)
            keys = await _json(http, metadata.jwks_uri)
        return proven_claims(token, keys, self._issuer, self._client_id, sign_in.nonce, now)

    async def _metadata(self, http: httpx.AsyncClient) -> Metadata:
        found = await _json(http, f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        try:
            metadata = Metadata.model_validate(found)
        except ValidationError as problem:
            fields = ", ".join(str(error["loc"][0]) for error in problem.errors())
            raise SignInUnavailable(f"the sign-in provider's description cannot be used: {fields}") from problem
        if metadata.issuer != self._issuer:
            raise SignInUnavailable(
                f"the sign-in provider calls itself '{metadata.issuer}', and REMIT_OIDC_ISSUER is '{self._issuer}'; an "
                "admin has to write it in precisely the same way"
            )
        return metadata

    async def _id_token(self, http: httpx.AsyncClient, metadata: Metadata, sign_in: SignIn, code: str) -> str:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": sign_in.verifier,
        }
        basic = None
        if self._client_secret is None:
            fields["client_id"] = self._client_id
        elif _BASIC in metadata.token_endpoint_auth_methods_supported:
            # Both are encoded before they are joined (RFC 6749, 2.3.1): a secret may hold a colon.
            basic = httpx.BasicAuth(quote_plus(self._client_id), quote_plus(self._client_secret))
        else:
            fields |= {"client_id": self._client_id, "client_secret": self._client_secret}
        try:
            answer = await http.post(metadata.token_endpoint, data=fields, auth=basic or httpx.USE_CLIENT_DEFAULT)
            said = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as problem:
            raise _silent(problem) from problem
        if answer.status_code == 400 and isinstance(said, dict) and said.get("error") == "invalid_grant":
            raise Forbidden("the sign-in provider does not take the code: it was used before, or it is too old")
        if answer.status_code != 200:
            log.warning("oidc_token_refused", status=answer.status_code, error=str(_error(said))[:200])
            raise SignInUnavailable(
                f"the sign-in provider answers {answer.status_code} to Remit; an admin has to look at "
                "REMIT_OIDC_CLIENT_ID and REMIT_OIDC_CLIENT_SECRET"
            )
        token = said.get("id_token") if isinstance(said, dict) else None
        if not isinstance(token, str):
            raise SignInUnavailable("the sign-in provider sent no ID token; an admin has to allow the scope 'openid'")
        return token


def provider_of(settings: Settings) -> Provider | None:
    """Return the sign-in provider; None where there is none."""
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    secret = settings.oidc_client_secret
    return Provider(
        settings.oidc_issuer,
        settings.oidc_client_id,
        secret.get_secret_value() if secret else None,
        f"{str(settings.public_url).rstrip('/')}{CALLBACK}",
    )


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=_PATIENCE_SECONDS, trust_env=False, headers={"Accept": "application/json"})


async def _json(http: httpx.AsyncClient, url: str) -> Any:
    try:
        answer = await http.get(url)
        answer.raise_for_status()
        return answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as problem:
        raise _silent(problem) from problem


def _silent(problem: Exception) -> SignInUnavailable:
    log.warning("oidc_provider_silent", problem=f"{type(problem).__name__}: {problem}"[:200])
    return SignInUnavailable("the sign-in provider does not answer; try again in a moment, or ask whoever runs it")


def _error(said: Any) -> Any:
    return said.get("error") if isinstance(said, Mapping) else None


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()

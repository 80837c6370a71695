"""The proof of an ID token: that the sign-in provider made it, for us, for this sign-in, and just now.

Signatures are checked by joserfc. Only asymmetric algorithms count, so that nobody can sign a token with what is
public.
"""

from datetime import datetime
from typing import Any

import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from domain.errors import Forbidden
from domain.sign_in import CLOCK_SKEW

log = structlog.get_logger(__name__)
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
# Providers may put what they like into the header (RFC 7515, 4); what counts is who signed.
_REGISTRY = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)


def proven_claims(token: str, keys: Any, issuer: str, client_id: str, nonce: str, now: datetime) -> dict[str, Any]:
    """Return the claims of an ID token that one of the provider's `keys` (a JWK set) signed.

    Raises Forbidden when it is not genuine, too old, or made by or for somebody else.
    """
    wanted = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=int(CLOCK_SKEW.total_seconds()),
        iss={"essential": True, "value": issuer},
        sub={"essential": True},
        aud={"essential": True, "value": client_id},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        claims = jwt.decode(token, KeySet.import_key_set(keys), algorithms=ALGORITHMS, registry=_REGISTRY).claims
        wanted.validate(claims)
    except (JoseError, ValueError, TypeError, KeyError) as problem:
        log.warning("id_token_refused", problem=str(problem)[:200])
        why = problem.description or problem.error if isinstance(problem, JoseError) else "it cannot be read"
        raise Forbidden(f"the sign-in provider's ID token does not count: {why}") from problem
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else client_id) != client_id:
        raise Forbidden("the sign-in provider's ID token does not count: it was made for another application")
    return claims

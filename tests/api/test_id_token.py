"""Which ID tokens count: a table of genuine and forged ones, made with real keys."""

import base64
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from joserfc.jws import JWSRegistry

from api.id_token import proven_claims
from domain.errors import Forbidden

NOW = datetime(2026, 11, 2, 10, tzinfo=UTC)
AT = int(NOW.timestamp())
ISSUER, CLIENT, NONCE = "https://id.test.example", "remit", "n-1"
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
KEYS = KeySet([RSA, EC]).as_dict()
GOOD = {"iss": ISSUER, "sub": "u-1", "aud": CLIENT, "exp": AT + 300, "iat": AT, "nonce": NONCE}


def token(algorithm: str = "RS256", key: Any = RSA, kid: str = "rsa", **changed: Any) -> str:
    claims = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    return jwt.encode({"alg": algorithm, "kid": kid, "of_the_provider": "x"}, claims, key, registry=registry)


def claims_of(text: str) -> dict[str, Any]:
    return proven_claims(text, KEYS, ISSUER, CLIENT, NONCE, NOW)


@pytest.mark.parametrize(
    "text",
    [
        token(),
        token("PS256"),
        token("ES256", EC, "ec"),
        token(aud=[CLIENT]),
        token(aud=[CLIENT, "another"], azp=CLIENT),
        token(exp=AT - 59),
        token(iat=AT + 59),
    ],
    ids=["rs256", "ps256", "es256", "a list of one", "several, for us", "clock behind", "clock ahead"],
)
def test_a_genuine_token_counts(text: str) -> None:
    assert claims_of(text)["sub"] == "u-1"


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def unproven(algorithm: str) -> str:
    return f"{encoded(json.dumps({'alg': algorithm, 'kid': 'rsa'}).encode())}.{encoded(json.dumps(GOOD).encode())}"


def signed_with_the_public_key() -> str:
    text = unproven("HS256")
    return f"{text}.{encoded(hmac.digest(RSA.as_pem(private=False), text.encode(), 'sha256'))}"


def with_other_claims() -> str:
    head, _, signature = token().split(".")
    return f"{head}.{encoded(json.dumps({**GOOD, 'sub': 'u-2'}).encode())}.{signature}"


REFUSED = {
    "without a signature": unproven("none") + ".",
    "signed with the public key": signed_with_the_public_key(),
    "signed by somebody else": token(key=RSAKey.generate_key(2048)),
    "of a key that is not known": token(key=RSAKey.generate_key(2048), kid="other"),
    "changed after it was signed": with_other_claims(),
    "too old": token(exp=AT - 61),
    "without an end": token(exp=None),
    "from the future": token(iat=AT + 120),
    "not good yet": token(nbf=AT + 120),
    "of another provider": token(iss="https://id.test.example/"),
    "for another application": token(aud="another"),
    "for several, and not for us": token(aud=[CLIENT, "another"]),
    "made for another one": token(azp="another"),
    "of another sign-in": token(nonce="n-2"),
    "of no sign-in": token(nonce=None),
    "of nobody": token(sub=None),
    "no token at all": "not.a.token",
    "empty": "",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_token_that_is_not_ours_is_refused(name: str) -> None:
    with pytest.raises(Forbidden, match="ID token does not count"):
        claims_of(REFUSED[name])


@pytest.mark.parametrize("keys", [None, [], {}, {"keys": []}, {"keys": [{}]}, {"keys": "x"}, "text"])
def test_keys_that_cannot_be_read_prove_nothing(keys: Any) -> None:
    with pytest.raises(Forbidden):
        proven_claims(token(), keys, ISSUER, CLIENT, NONCE, NOW)

"""What the buttons of a card carry: sealed, so that it can be neither read, made up, nor moved to another card.

    sealed = base64url without padding of AES-SIV(key, action (16 bytes) || revision (32 bytes) || channel (ASCII))
    key    = HKDF-SHA256(secret, no salt, info "remit slack buttons v1"), 64 bytes

What a form carries is sealed in the same way, for the person it was opened for and the form it is:

    sealed = base64url without padding of AES-SIV(key, content), with "remit slack forms v1", user and form as context

AES-SIV (RFC 5297) needs no nonce, so the same choice always has the same seal, and a card drawn twice is the same
card. A worked example:

>>> seal = Seal(SecretStr("an example, not a key"))
>>> choice = Choice(action="0" * 32, revision="sha256:" + "0" * 64, channel="C01FINANCE")
>>> seal.opened(seal.sealed(choice)) == choice, len(seal.sealed(choice))
(True, 99)
"""

import base64
import binascii
from typing import Annotated

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import Field, SecretStr, ValidationError

from domain.action import Digest, Frozen
from domain.errors import InvalidRequest

_ABOUT = b"remit slack buttons v1"
_FORMS = b"remit slack forms v1"
_ACTION, _REVISION = 16, 32
_NOT_OURS = "this is not one of Remit's buttons, or it was changed, or the key of the buttons was"
_NOT_THEIRS = "this form was not made by Remit for this person, or it was changed, or the key of the buttons was"


class Choice(Frozen):
    """What a button carries: the action, the exact revision that was on the card, and where it stands: the channel of
    the card, or the person on whose Home it is."""

    action: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    revision: Digest
    channel: Annotated[str, Field(pattern=r"^[CDGUW][A-Z0-9]{2,30}$")]


class Seal:
    """Seals choices and opens them again. Whoever has the secret can do both: the API and the workers."""

    def __init__(self, secret: SecretStr) -> None:
        derived = HKDF(algorithm=SHA256(), length=64, salt=None, info=_ABOUT)
        self._cipher = AESSIV(derived.derive(secret.get_secret_value().encode()))

    def sealed(self, choice: Choice) -> str:
        """Return a choice as a button carries it: at most 130 characters."""
        revision = bytes.fromhex(choice.revision.removeprefix("sha256:"))
        plain = bytes.fromhex(choice.action) + revision + choice.channel.encode()
        return base64.urlsafe_b64encode(self._cipher.encrypt(plain, [_ABOUT])).rstrip(b"=").decode()

    def opened(self, text: str) -> Choice:
        """Return the choice that was sealed. Raises InvalidRequest for anything that this seal did not make."""
        try:
            plain = self._cipher.decrypt(_decoded(text), [_ABOUT])
            choice = Choice(
                action=plain[:_ACTION].hex(),
                revision=f"sha256:{plain[_ACTION : _ACTION + _REVISION].hex()}",
                channel=plain[_ACTION + _REVISION :].decode(),
            )
        except (InvalidTag, binascii.Error, UnicodeError, ValidationError, ValueError) as problem:
            raise InvalidRequest(_NOT_OURS) from problem
        if self.sealed(choice) != text:  # base64 has several spellings of one value
            raise InvalidRequest(_NOT_OURS)
        return choice

    def sealed_form(self, content: str, user: str, form: str) -> str:
        """Return what a form carries for the one Slack user that it is opened for."""
        context = [_FORMS, user.encode(), form.encode()]
        return base64.urlsafe_b64encode(self._cipher.encrypt(content.encode(), context)).rstrip(b"=").decode()

    def opened_form(self, sealed: str, user: str, form: str) -> str:
        """Return what was sealed into a form. Raises InvalidRequest for one of another person, and for any other."""
        try:
            return self._cipher.decrypt(_decoded(sealed), [_FORMS, user.encode(), form.encode()]).decode()
        except (InvalidTag, binascii.Error, UnicodeError, ValueError) as problem:
            raise InvalidRequest(_NOT_THEIRS) from problem


def _decoded(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)

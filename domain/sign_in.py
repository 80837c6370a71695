"""Whom a sign-in provider speaks of, and whether that person signed in just now.

The provider's ID token has been proven genuine before its claims come here; what they mean for Remit is decided here.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from domain.catalog import Person
from domain.errors import Forbidden

CLOCK_SKEW = timedelta(seconds=60)
"""How far a provider's clock may be from ours."""


def person_of(claims: Mapping[str, Any], claim: str, people: Sequence[Person]) -> Person:
    """Return the one person that a claim names: by e-mail address where it is `email`, else by the person's id.

    Raises Forbidden when the claim is missing, its address unverified, or it names nobody or more than one.
    """
    value = claims.get(claim)
    if not isinstance(value, str) or not value:
        raise Forbidden(f"the sign-in provider did not say your '{claim}'; an admin has to let it into the ID token")
    if claim == "email":
        if claims.get("email_verified") is not True:
            raise Forbidden(f"the sign-in provider does not vouch for the address '{value}'; verify it there first")
        found = [person for person in people if _folded(person.email) == _folded(value)]
    else:
        found = [person for person in people if person.id == value]
    if len(found) > 1:
        both = " and ".join(person.id for person in found)
        raise Forbidden(f"'{value}' belongs to {both}; an admin has to give each person an address of their own")
    if not found:
        raise Forbidden(f"'{value}' is not a person of the active policy; ask an admin to add you")
    return found[0]


def signed_in_at(claims: Mapping[str, Any], now: datetime, max_age: timedelta) -> datetime:
    """Return when the person showed who they are, by the provider's `auth_time`.

    Raises Forbidden when it is missing or longer ago than `max_age`: the provider let an earlier sign-in stand.
    """
    value = claims.get("auth_time")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Forbidden("the sign-in provider did not say when you signed in ('auth_time'); an admin has to look at it")
    earliest, latest = (now - max_age).timestamp(), (now + CLOCK_SKEW).timestamp()
    if not earliest <= value <= latest:
        raise Forbidden(
            "the sign-in provider did not ask you to sign in again, and your sign-in there is too long ago; sign out "
            "there, and try again"
        )
    return min(datetime.fromtimestamp(value, UTC), now)


def is_protected(url: str) -> bool:
    """Whether what is sent to an address cannot be read on the way: it is HTTPS, or never leaves this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host)
    return parts.scheme == "http" and _is_this_machine(host)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _folded(address: str) -> str:
    """Ignore the case of an address, unless letters beyond ASCII could then become others: K is not the Kelvin sign."""
    return address.lower() if address.isascii() else address

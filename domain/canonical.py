"""Canonical bytes: the one form of a JSON value that Remit hashes, stores and compares.

The form is RFC 8785 (JSON Canonicalization Scheme). Worked example:

>>> canonical_bytes({"b": 1, "a": "x"})
b'{"a":"x","b":1}'
>>> digest(b'{"a":"x","b":1}')
'sha256:cdab067e9f3beb32d1252cfd63e492592fecbf591b0d08cadb24bb17f3864246'
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import rfc8785

from domain.errors import InvalidRequest, TooLarge

MAX_DEPTH = 12
MAX_BYTES = 64 * 1024


def canonical_bytes(value: Any) -> bytes:
    """Return the RFC 8785 bytes of `value`.

    Raises InvalidRequest for what the form cannot carry without loss: NaN and infinities, integers from
    2**53 on (send those as strings), lone surrogates, keys that are not strings.
    """
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as problem:
        hint = "; send large integers as strings" if isinstance(problem, rfc8785.IntegerDomainError) else ""
        raise InvalidRequest(f"the value has no canonical JSON form: {problem}{hint}") from problem
    except UnicodeEncodeError as problem:
        raise InvalidRequest("the value holds text that is not valid Unicode (a lone surrogate)") from problem


def digest(data: bytes) -> str:
    """Return the SHA-256 digest that names `data`, as `sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def revision_bytes(arguments: Mapping[str, Any]) -> bytes:
    """Return the bytes of one revision of the arguments: what is shown, voted on and run.

    Raises TooLarge past 64 KiB or 12 levels, InvalidRequest where no canonical form exists.
    """
    require_shallow(arguments)
    data = canonical_bytes(dict(arguments))
    if len(data) > MAX_BYTES:
        raise TooLarge(f"the arguments take {len(data)} bytes; the limit is {MAX_BYTES}")
    # RFC 8785 writes the number 1e16 as 10000000000000000, which reads back as an integer past 2**53.
    canonical_bytes(json.loads(data))
    return data


def require_shallow(value: Any, limit: int = MAX_DEPTH) -> None:
    """Raise TooLarge when `value` nests deeper than `limit` levels. Walks without recursion."""
    level: list[Any] = [value]
    for _ in range(limit):
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise TooLarge(f"the value nests deeper than {limit} levels")


def _children(value: Any) -> Sequence[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, list | tuple):
        return value
    return ()

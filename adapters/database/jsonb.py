"""JSON as PostgreSQL's jsonb can hold it: everything but the character NUL."""

import re

_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def storable(text: str) -> str:
    r"""Return JSON text with U+FFFD in the place of each NUL, which jsonb refuses.

    Reviewers' reasons, agents' context and other systems' answers come from outside, and one such character must
    not keep what happened from being recorded. The ledger keeps the exact bytes.

    >>> storable('{"a": "x\\u0000", "b": "\\\\u0000"}')
    '{"a": "x\\ufffd", "b": "\\\\u0000"}'
    """
    return _NUL.sub(r"\1\\ufffd", text)

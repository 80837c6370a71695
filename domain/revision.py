"""Revisions: new arguments for an action that waits, by a reviewer or by its agent.

A revision is proposed with its bytes, then judged like the first one. Made, it is what people are asked about and what
would run; votes on the one before are void.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from domain.action import Digest, Frozen
from domain.canonical import canonical_bytes
from domain.ledger import Actor

MAX_REVISIONS = 20
"""How many revisions one action may have."""

_DECLARED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MISSING = object()


class Revision(Frozen):
    """One version of an action's arguments. `number` counts from 1; None while it is only proposed."""

    number: int | None
    digest: str
    arguments_bytes: bytes
    author: Actor
    proposed_at: datetime
    made_at: datetime | None = None


class ReviseRequest(Frozen):
    """A wish to go on with other arguments, which are stored under `revision` already. `base` is what was read.

    `id` names the request, so that a repeated one is made once.
    """

    id: Annotated[str, Field(min_length=1, max_length=200)]
    actor: Actor
    base: Digest
    revision: Digest
    reason: Annotated[str, Field(max_length=2000)] = ""
    stepped_up: bool = False


def changed_paths(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return where two sets of arguments differ, as the catalog writes paths: `to`, `lines[].amount`."""
    return list(dict.fromkeys(_changed(before, after, "")))


def not_editable(changed: Iterable[str], editable: Iterable[str]) -> list[str]:
    """Return the changed places that no path of an action type's `editable` covers."""
    allowed = list(editable)
    return [path for path in changed if not any(_covers(each, path) for each in allowed)]


def _covers(editable: str, path: str) -> bool:
    return path == editable or path.startswith((f"{editable}.", f"{editable}[]"))


def _changed(before: Any, after: Any, path: str) -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys([*before, *after]):
            # A name that could not stand in a path is `*`, so that it cannot pass for another place.
            place = f"{path}.{name if _DECLARED.fullmatch(name) else '*'}".lstrip(".")
            yield from _changed(before.get(name, _MISSING), after.get(name, _MISSING), place)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for one, other in zip(before, after, strict=True):
            yield from _changed(one, other, f"{path}[]")
    elif isinstance(before, list) and isinstance(after, list):
        yield f"{path}[]"
    elif before is _MISSING or after is _MISSING or canonical_bytes(before) != canonical_bytes(after):
        yield path

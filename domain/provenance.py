"""Provenance: where the values that an action names come from.

The user's own words, a directory that the use case trusts, a text the user pointed to, any other text the agent read,
or nowhere. An instruction that somebody planted in a text cannot make the payee one whom the user named, whatever it
says. It rests on what the agent's host reports as prompt and sources, never on what the model says about them.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from enum import StrEnum
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any, NamedTuple
from unicodedata import normalize

from domain.action import Context, Frozen
from domain.catalog.use_cases import UseCase
from domain.links import link_of, links_in
from domain.mentions import Address, Known, Name, Reading, Sought, Sum
from domain.roles import Meaning
from domain.sources import ReadSource

ROLES = ("recipient", "account", "url", "file", "amount", "text", "link")
MAX_VALUES = 200


class Origin(StrEnum):
    """Where a value comes from, the strongest first. `none`: there is no such value."""

    USER = "user"
    TRUSTED = "trusted"
    NAMED = "named"
    UNTRUSTED = "untrusted"
    UNKNOWN = "unknown"
    NONE = "none"


_STRENGTH = list(Origin)


class Provenance(Frozen):
    """For each role where its weakest value comes from.

    The lists name the roles with a value that neither the user nor a directory gave and that a text asks its reader
    to use (`instructed`), that stands among others of its kind, so that somebody chose (`ambiguous`), or that stands
    where anybody can write (`public`: in public sources or such as the use case does not name, and in no other source
    that the user pointed to).
    """

    roles: dict[str, Origin]
    instructed: list[str] = []
    ambiguous: list[str] = []
    public: list[str] = []


def provenance_of(meaning: Meaning, context: Context, use_case: UseCase, roles: Collection[str] = ROLES) -> Provenance:
    """Return where the values of each of some roles come from. What a role has beyond MAX_VALUES counts as unknown."""
    background = _Background(context, use_case)
    found: dict[str, list[_Found]] = {}
    for role in roles:
        values = _SOUGHT[role](meaning)
        found[role] = [background.judge(value) for value in islice(values, MAX_VALUES)]
        found[role] += [_Found(Origin.UNKNOWN) for _ in islice(values, 1)]
    return Provenance(
        roles={role: weakest(each.origin for each in values) for role, values in found.items()},
        instructed=[role for role, values in found.items() if any(each.instructed for each in values)],
        ambiguous=[role for role, values in found.items() if any(each.ambiguous for each in values)],
        public=[role for role, values in found.items() if any(each.public for each in values)],
    )


def provenance_variable(provenance: Provenance) -> dict[str, Any]:
    """Return provenance as conditions see it: the origin of each role, and the lists of roles beside it."""
    return {
        **{role: origin.value for role, origin in provenance.roles.items()},
        "instructed": provenance.instructed,
        "ambiguous": provenance.ambiguous,
        "public": provenance.public,
    }


def weakest(origins: Iterable[Origin]) -> Origin:
    """Return the weakest of some origins; `none` counts only where there is nothing else."""
    present = [origin for origin in origins if origin is not Origin.NONE]
    return max(present, key=_STRENGTH.index, default=Origin.NONE)


class _Found(NamedTuple):
    """Where one value comes from, and what `Provenance` says about it beside that."""

    origin: Origin
    instructed: bool = False
    ambiguous: bool = False
    public: bool = False


class _Background:
    """What the values of one action are held against."""

    def __init__(self, context: Context, use_case: UseCase) -> None:
        self._prompt = Reading(context.prompt or "")
        self._use_case = use_case
        declared = {data.id: data for data in use_case.data_sources}
        self._sources = [ReadSource(source, declared.get(source.source)) for source in context.sources]

    def judge(self, sought: Sought) -> _Found:
        """Return where a value comes from."""
        if sought.given_in(self._prompt):
            return _Found(Origin.USER)
        if any(sought.listed_in(known) for known in self._directories):
            return _Found(Origin.TRUSTED)
        mentioning = [source for source in self._sources if sought.mentioned_in(source.reading)]
        if not mentioning:
            return _Found(Origin.UNKNOWN)
        named = [source for source in mentioning if source in self._named]
        telling = named or mentioning
        instructed = any(source.instructs(sought) for source in mentioning)
        return _Found(
            origin=Origin.NAMED if named and not instructed else Origin.UNTRUSTED,
            instructed=instructed,
            ambiguous=not all(sought.alone_in(source.reading) for source in telling),
            public=all(source.is_public for source in telling),
        )

    @cached_property
    def _directories(self) -> list[Known]:
        listed = [_listed(tuple(data.values)) for data in self._use_case.data_sources if data.values]
        return [*listed, *(source.known for source in self._sources)]

    @cached_property
    def _named(self) -> list[ReadSource]:
        """The sources that the user pointed to: the page, the file, the channel or inbox that the prompt names."""
        return [source for source in self._sources if source.locator and self._names(source.locator)]

    def _names(self, locator: str) -> bool:
        return Address(link_of(locator)).given_in(self._prompt) or Name(locator).given_in(self._prompt)


@lru_cache(maxsize=64)
def _listed(values: tuple[str, ...]) -> Known:
    """Return the values that a bundle lists, made ready once: there may be thousands."""
    return Known(("", value) for value in values)


def _links(meaning: Meaning) -> Iterator[Sought]:
    return map(Address, dict.fromkeys(link for text in meaning.texts for link in links_in(normalize("NFKC", text))))


# What to look for in each role, each value once. An amount of 0 moves nothing.
_SOUGHT: dict[str, Callable[[Meaning], Iterator[Sought]]] = {
    "recipient": lambda meaning: map(Name, dict.fromkeys(meaning.recipients)),
    "account": lambda meaning: map(Name, dict.fromkeys(meaning.accounts)),
    "url": lambda meaning: map(Address, map(link_of, dict.fromkeys(meaning.urls))),
    "file": lambda meaning: map(Name, dict.fromkeys(meaning.files)),
    "amount": lambda meaning: map(Sum, [meaning.amount] if meaning.amount else []),
    "text": lambda meaning: map(Name, dict.fromkeys(meaning.texts)),
    "link": _links,
}

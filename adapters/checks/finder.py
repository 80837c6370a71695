"""What the checks have in common: settings as a model, and findings that become a signal without any content."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from domain.catalog.problems import suggestion
from domain.signals import Content, Finding, Signal

Found = tuple[str, str]
"""A field, such as `arguments.body`, and the kind of thing found there."""


class CannotTell(Exception):
    """A check cannot answer. The message says why and what to do; it is shown, so it quotes nothing of the content."""


class Settings(BaseModel):
    """The settings of one check in a bundle: what is not known is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


S = TypeVar("S", bound=Settings)


class NoSettings(Settings):
    """For checks without settings."""


class Finder(Generic[S]):
    """A check that yields what it finds. Same content and settings, same signal."""

    name: ClassVar[str]
    version: str
    kinds: ClassVar[tuple[str, ...]]
    """Every kind that it may find, as docs/checks.md has them."""
    settings: type[S]

    def problems_in_settings(self, settings: Mapping[str, Any]) -> Iterator[str]:
        """Yield what is wrong with settings, each problem starting with the setting's name."""
        try:
            self.settings.model_validate(settings)
        except ValidationError as refused:
            for error in refused.errors(include_url=False):
                yield self._described(error)

    async def inspect(self, content: Content, settings: Mapping[str, Any]) -> Signal:
        """Look at the content. Raises what goes wrong unforeseen: no answer is never a clear one."""
        try:
            found = list(await self.search(content, self.settings.model_validate(settings)))
        except CannotTell as reason:
            return Signal(check=self.name, version=self.version, finding=Finding.UNKNOWN, because=str(reason))
        return signal(self.name, self.version, found)

    async def search(self, content: Content, settings: S) -> Iterable[Found]:
        """Return what is found: what `find` yields, unless a check has to wait in between."""
        return self.find(content, settings)

    def find(self, content: Content, settings: S) -> Iterable[Found]:
        """Yield each field with the kind of thing found in it."""
        raise NotImplementedError

    def _described(self, error: Any) -> str:
        place = ".".join(str(part) for part in error["loc"])
        if error["type"] == "extra_forbidden":
            known = list(self.settings.model_fields)
            return f"{place}: the check '{self.name}' has no such setting{suggestion(place, known)}"
        return f"{place}: {error['msg'].removeprefix('Value error, ')}"


def signal(check: str, version: str, found: Iterable[Found]) -> Signal:
    """Return the signal for what was found: kinds and fields, each once, sorted."""
    pairs = set(found)
    kinds, fields = sorted({kind for _, kind in pairs}), sorted({field for field, _ in pairs})
    finding = Finding.FOUND if pairs else Finding.CLEAR
    because = f"{', '.join(kinds)} in {', '.join(fields[:5])}{' and more' if len(fields) > 5 else ''}" if pairs else ""
    return Signal(check=check, version=version, finding=finding, kinds=kinds, fields=fields, because=because)


def argument_texts(content: Content) -> Iterator[tuple[str, str]]:
    """Yield the texts of the arguments, each with its field."""
    for path, text in content.texts:
        yield f"arguments.{path}", text


def paths(*roles: Iterable[str]) -> set[str]:
    """Return argument paths as `has_path` compares them."""
    return {path.replace("[]", "") for role in roles for path in role}


def has_path(field: str, among: set[str]) -> bool:
    """Whether a field is one of these arguments, or an item of one."""
    return field.removeprefix("arguments.").replace("[]", "") in among

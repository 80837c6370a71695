"""What content checks there are. A new check is one file, one line here, one heading in docs/checks.md and its test."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from adapters.checks.hidden_characters import HiddenCharacters
from adapters.checks.injection import Injection
from adapters.checks.links import Links
from adapters.checks.personal_data import PersonalData
from adapters.checks.personal_data_names import PersonalDataNames
from adapters.checks.secrets import Secrets
from adapters.checks.style import Style, problems_in_style
from domain.catalog import Bundle
from domain.catalog.problems import Problem, suggestion
from domain.signals import Content, Signal


class Check(Protocol):
    """The shape every member has; activities state the same port where they use it."""

    version: str

    def problems_in_settings(self, settings: Mapping[str, Any]) -> Iterable[str]:
        """Return what is wrong with settings, each problem starting with the setting's name."""

    async def inspect(self, content: Content, settings: Mapping[str, Any]) -> Signal:
        """Look at the content."""


CHECKS: dict[str, Check] = {
    "hidden_characters": HiddenCharacters(),
    "injection": Injection(),
    "links": Links(),
    "personal_data": PersonalData(),
    "personal_data_names": PersonalDataNames(),
    "secrets": Secrets(),
    "style": Style(),
}


def problems_in(bundle: Bundle) -> Iterator[Problem]:
    """Yield what is wrong with the checks that the bundle uses, their settings, and the styles of its use cases."""
    for number, use in enumerate(bundle.guardrails.checks):
        place = ("guardrails", "checks", number)
        check = CHECKS.get(use.check)
        if check is None:
            yield Problem((*place, "check"), f"no check '{use.check}'{suggestion(use.check, CHECKS)}")
            continue
        yield from (Problem((*place, "settings"), found) for found in check.problems_in_settings(use.settings))
    for number, use_case in enumerate(bundle.use_cases):
        for entry, found in problems_in_style(use_case.style):
            yield Problem(("use_cases", number, "style", *entry), found)

"""`personal_data`: values that name or identify a person, found by their form and proven by their check digits."""

from collections.abc import Iterator
from typing import Annotated

import phonenumbers
from pydantic import AfterValidator, Field

from adapters.checks.finder import Finder, Found, Settings, argument_texts, has_path, paths
from adapters.checks.identifiers import EXPECTED, FORMS, KINDS, Form, Kind
from domain.characters import readable
from domain.patterns import PatternTable
from domain.signals import Content


def _known_region(region: str) -> str:
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"'{region}' is no country with phone numbers; write its ISO code, such as DE or US")
    return region


class PersonalDataSettings(Settings):
    """What to look for. `ignore` are values that are nobody's secret, such as the company's own hotline; `@domain`
    stands for all addresses there. `region` is where phone numbers without a country code are at home."""

    kinds: Annotated[list[Kind], Field(min_length=1)] = [*KINDS]
    ignore: Annotated[list[Annotated[str, Field(min_length=3, max_length=200)]], Field(max_length=200)] = []
    region: Annotated[str, AfterValidator(_known_region)] | None = None


_TABLE = PatternTable(((str(number), form.pattern) for number, form in enumerate(FORMS)), ignore_case=True)


class PersonalData(Finder[PersonalDataSettings]):
    """Looks for personal data in the arguments.

    Recipients and accounts are how an action says whom it is for, so that an e-mail address, a phone number or an
    IBAN is expected there and not reported.
    """

    name = "personal_data"
    version = "1"
    settings = PersonalDataSettings

    def find(self, content: Content, settings: PersonalDataSettings) -> Iterator[Found]:
        """Yield each field with each kind of personal data in it."""
        roles = content.action_type.roles
        addressed = paths(roles.recipients, roles.accounts)
        ignored = _Ignored(settings.ignore)
        for field, text in argument_texts(content):
            encoded = readable(text).encode("utf-8", "replace")
            found: set[str] = set()
            for number in _TABLE.found_in(encoded):
                form = FORMS[int(number)]
                if form.kind in found or form.kind not in settings.kinds:
                    continue
                if form.kind in EXPECTED and has_path(field, addressed):
                    continue
                if any(value not in ignored for value in _values(form, encoded, field, settings.region)):
                    found.add(form.kind)
                    yield field, form.kind


class _Ignored:
    """Values compared by their letters and digits alone, so that spaces and hyphens do not matter."""

    def __init__(self, values: list[str]) -> None:
        listed = [value.encode().decode("latin-1").lower() for value in values]  # as candidates are read
        self._domains = tuple(value for value in listed if value.startswith("@"))
        self._values = {_bare(value) for value in listed if not value.startswith("@")}

    def __contains__(self, value: str) -> bool:
        return value.lower().endswith(self._domains) or _bare(value.lower()) in self._values


def _bare(value: str) -> str:
    return "".join(each for each in value if each.isalnum())


def _values(form: Form, text: bytes, field: str, region: str | None) -> Iterator[str]:
    """Yield the values of this form. What only looks like one hides none that begins inside it."""
    start = 0
    while span := form.compiled.first(text, start):
        value = form.value_at(text, span, field, region)
        if value is not None:
            yield value
        start = span[1] if value is not None else span[0] + 1

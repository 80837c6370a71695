"""`personal_data`: values that name or identify a person, found by their form and proven by their check digits."""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated

import phonenumbers
from pydantic import AfterValidator, Field

from adapters.checks.finder import Finder, Found, Settings, argument_texts, has_path, paths
from adapters.checks.identifiers import CANDIDATES, EXPECTED, FORMS, KINDS, WORDS, Form, Kind
from domain.characters import readable
from domain.signals import Content


def _known_region(region: str) -> str:
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"'{region}' is no country with phone numbers; write its ISO code, such as DE or US")
    return region


class PersonalDataSettings(Settings):
    """What to look for. `ignore` are values that are nobody's secret, such as the company's own hotline; `@domain`
    stands for all addresses there. `region` is where phone numbers without a country code are at home."""

    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] = KINDS
    ignore: Annotated[tuple[Annotated[str, Field(min_length=3, max_length=200)], ...], Field(max_length=200)] = ()
    region: Annotated[str, AfterValidator(_known_region)] | None = None


class PersonalData(Finder[PersonalDataSettings]):
    """Looks for personal data in the arguments.

    Recipients and accounts are how an action says whom it is for, so that an e-mail address, a phone number or an
    IBAN is expected there and not reported.
    """

    name = "personal_data"
    version = "1"
    kinds = KINDS
    settings = PersonalDataSettings

    def find(self, content: Content, settings: PersonalDataSettings) -> Iterator[Found]:
        """Yield each field with each kind of personal data in it."""
        roles = content.action_type.roles
        addressed = paths(roles.recipients, roles.accounts)
        ignored = _Ignored(settings.ignore)
        for field, text in argument_texts(content):
            encoded = readable(text).encode("utf-8", "replace")
            place = re.sub(r"[^A-Za-z]+", " ", field).encode()
            found: set[Kind] = set()
            for form in _promising(encoded, place):
                if form.kind in found or form.kind not in settings.kinds:
                    continue
                if form.kind in EXPECTED and has_path(field, addressed):
                    continue
                if any(value not in ignored for value in _values(form, encoded, place, settings.region)):
                    found.add(form.kind)
                    yield field, form.kind


def _promising(text: bytes, place: bytes) -> Iterator[Form]:
    """Yield the forms that have candidates in the text, and their words where they need some."""
    candidates = CANDIDATES.found_in(text)
    if not candidates:
        return
    words = WORDS.found_in(b"%b\n%b" % (place, text)) if candidates & WORDS.names else set()
    for number in sorted(candidates, key=int):
        form = FORMS[int(number)]
        if not form.words or number in words:
            yield form


class _Ignored:
    """Values compared by their letters and digits alone, so that spaces and hyphens do not matter."""

    def __init__(self, values: Iterable[str]) -> None:
        listed = [value.encode().decode("latin-1").lower() for value in values]  # as candidates are read
        self._domains = tuple(value for value in listed if value.startswith("@"))
        self._values = {_bare(value) for value in listed if not value.startswith("@")}

    def __contains__(self, value: str) -> bool:
        return value.lower().endswith(self._domains) or _bare(value.lower()) in self._values


def _bare(value: str) -> str:
    return "".join(each for each in value if each.isalnum())


def _values(form: Form, text: bytes, place: bytes, region: str | None) -> Iterator[str]:
    """Yield the values of this form. What only looks like one hides none that begins inside it."""
    start = 0
    while span := form.compiled.first(text, start):
        value = form.value_at(text, span, place, region)
        if value is not None:
            yield value
        start = span[1] if value is not None else span[0] + 1

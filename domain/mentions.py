"""Mentions: whether a text mentions a value as a whole, however the two are spelled.

Names are compared word by word (Unicode NFKC, without regard to case, never part of a longer word), account numbers
without their spaces, links by host and path, amounts as numbers. When in doubt a value is not mentioned.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain, islice
from typing import Protocol

from domain.amounts import Entry, amounts_in, amounts_of
from domain.links import Link, link_of, links_in

MAX_READ = 64_000
"""Characters of a text that are read: normalising can make a text many times longer."""
MAX_FOUND = 1000
"""Links and amounts that are looked at in one text. What stands behind them is taken as not mentioned."""

_MAX_NAME = 2000

# A word holds its inner punctuation: `bob@example.com`, `External_0` and `notes.txt` are one word each.
_WORD = re.compile(r"\w++(?:[\-._@/+%=~]\w++)*+")
_ACCOUNT = re.compile(r"[a-z0-9]{8,34}")
_IBAN = re.compile(r"[a-z]{2}[0-9]{2}[a-z0-9]{11,30}")
_SPACED_IBAN = re.compile(r"\b[a-z]{2}[0-9]{2}(?:[ \-][a-z0-9]{4}){2,7}(?:[ \-][a-z0-9]{1,3})?\b")
_MAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
# Somebody can be called by one of these, but a sentence that holds one does not speak of them.
_SAY_NOTHING_LISTED = """
    a all am an and any anybody anyone are as at be been but by can could did do does each every everybody everyone
    for from had has have he her him his how i if in into is it its just let like may me more my no not now of off
    on one or other our out over please she should so some than that the their them then there these they this those
    to too up us was we were what when where which who whom why will with would yes you your
"""
_SAY_NOTHING = frozenset(_SAY_NOTHING_LISTED.split())


class Reading:
    """Texts, read for what they mention. Each way of reading them is done once, when it is first asked for.

    No value is found across two of the texts. `numbers` are amounts in minor units that stand among them as numbers of
    a record.
    """

    def __init__(self, *texts: str, numbers: Iterable[int] = ()) -> None:
        self.text = "\n".join(texts)
        self._texts = texts
        self._numbers = numbers

    @cached_property
    def plain(self) -> str:
        """The texts as they are compared: normalised, without case, each space single, one text a line."""
        return "\n".join(map(plain, self._texts))[:MAX_READ]

    @cached_property
    def words(self) -> str:
        """The words alone, with one space before and after each, so that a phrase is found by its spaces."""
        return "\n".join(f" {' '.join(_WORD.findall(line))} " for line in self.plain.split("\n"))

    @cached_property
    def links(self) -> frozenset[Link]:
        """The addresses it mentions."""
        return frozenset(islice(links_in(unicodedata.normalize("NFKC", self.text)[:MAX_READ]), MAX_FOUND))

    @cached_property
    def amounts(self) -> frozenset[int]:
        """The amounts it mentions, in minor units."""
        return frozenset(islice(chain(amounts_in(self.text), self._numbers), MAX_FOUND))


class Known:
    """Values that can be relied on as wholes: the entries of a directory."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        listed = list(entries)
        texts = [value for _, value in listed if isinstance(value, str)]
        self.names = frozenset(name_key(str(value)) for _, value in listed)
        self._texts = texts
        self._listed = listed

    @cached_property
    def links(self) -> frozenset[Link]:
        """The entries that are addresses."""
        return frozenset(link for text in self._texts if (link := link_of(text)) is not None)

    @cached_property
    def amounts(self) -> frozenset[int]:
        """The entries that are amounts, in minor units."""
        return frozenset(amounts_of(self._listed))


class Sought(Protocol):
    """A value that is looked for."""

    def given_in(self, prompt: Reading) -> bool:
        """Whether the person who wrote the prompt gave the value."""

    def listed_in(self, known: Known) -> bool:
        """Whether it is one of these entries, as a whole."""

    def mentioned_in(self, reading: Reading) -> bool:
        """Whether the text mentions it."""

    def alone_in(self, reading: Reading) -> bool:
        """Whether the text mentions nothing else of its kind."""


class Name:
    """A name, e-mail address, account number or file: whatever is compared word by word."""

    def __init__(self, value: str) -> None:
        self._key = name_key(value)
        self._exact = plain(value).lstrip("@#")
        self._phrases = list(self._spellings())

    def given_in(self, prompt: Reading) -> bool:
        """Whether the person who wrote the prompt gave the value."""
        return self.mentioned_in(prompt)

    def listed_in(self, known: Known) -> bool:
        """Whether it is one of these entries, as a whole."""
        return bool(self._key) and self._key in known.names

    def mentioned_in(self, reading: Reading) -> bool:
        """Whether the text mentions it."""
        return any(phrase in reading.words and (whole in reading.plain) for phrase, whole in self._phrases)

    def alone_in(self, reading: Reading) -> bool:
        """Whether the text mentions nothing else of its kind. Plain names have no kind, so are never alone."""
        if _MAIL.fullmatch(self._exact):
            return len({word for word in reading.words.split() if "@" in word}) < 2
        if not _is_account(self._key):
            return False
        accounts = {word for word in reading.words.split() if _is_account(word)}
        return len(accounts | {_compact(found) for found in _SPACED_IBAN.findall(reading.plain)}) < 2

    def _spellings(self) -> Iterator[tuple[str, str]]:
        """Yield each way to write it: its words as `Reading.words` has them, and what must stand there literally."""
        if not self._key or not 2 <= len(self._exact) <= _MAX_NAME:
            return
        words = _WORD.findall(self._exact)
        phrase = " ".join(words)
        if set(words) <= _SAY_NOTHING:
            return
        yield f" {phrase} ", "" if phrase == self._exact else self._exact
        if not _is_account(self._key):
            return
        yield f" {self._key} ", ""
        if _IBAN.fullmatch(self._key) and (len(self._key) % 4 or _has_check_digits(self._key)):
            groups = [self._key[at : at + 4] for at in range(0, len(self._key), 4)]
            yield f" {' '.join(groups)} ", ""
            yield f" {'-'.join(groups)} ", ""


class Address:
    """A web address."""

    def __init__(self, link: Link | None) -> None:
        self._link = link
        self._covering = frozenset(link.covering()) if link else frozenset()

    def given_in(self, prompt: Reading) -> bool:
        """Whether the person who wrote the prompt gave it, or the site or folder it belongs to."""
        return not self._covering.isdisjoint(prompt.links)

    def listed_in(self, known: Known) -> bool:
        """Whether it, or the site or folder it belongs to, is one of these entries."""
        return not self._covering.isdisjoint(known.links)

    def mentioned_in(self, reading: Reading) -> bool:
        """Whether the text mentions it to the letter: what is added to an address may carry data away."""
        return self._link in reading.links

    def alone_in(self, reading: Reading) -> bool:
        """Whether the text mentions no other address."""
        return len(reading.links) < 2


class Sum:
    """An amount of money in minor units."""

    def __init__(self, minor: int) -> None:
        self._minor = minor

    def given_in(self, prompt: Reading) -> bool:
        """Whether the person who wrote the prompt gave the value."""
        return self._minor in prompt.amounts

    def listed_in(self, known: Known) -> bool:
        """Whether it is one of these entries, as a whole."""
        return self._minor in known.amounts

    def mentioned_in(self, reading: Reading) -> bool:
        """Whether the text mentions it."""
        return self._minor in reading.amounts

    def alone_in(self, reading: Reading) -> bool:
        """Whether the text mentions no other amount."""
        return len(reading.amounts) < 2


def plain(text: str) -> str:
    """Return a text as it is compared: Unicode NFKC, without regard to case, every run of white space one space."""
    return " ".join(unicodedata.normalize("NFKC", text)[:MAX_READ].casefold().split())


def name_key(value: str) -> str:
    """Return what two spellings of a name or account number have in common, "" for what cannot be compared.

    A name with a character that nobody sees is not the name it looks like.
    """
    name = plain(value).lstrip("@#")
    if not name.isprintable():
        return ""
    return compact if _is_account(compact := _compact(name)) else name


def _compact(name: str) -> str:
    return name.replace(" ", "").replace("-", "")


def _is_account(compact: str) -> bool:
    return bool(_ACCOUNT.fullmatch(compact)) and sum(map(str.isdigit, compact)) >= 4


def _has_check_digits(iban: str) -> bool:
    """Say whether the check digits of an IBAN (ISO 13616) are right."""
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1

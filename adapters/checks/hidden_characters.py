"""`hidden_characters`: what people do not see, or take for something else: invisible characters and lookalikes."""

import re
from collections.abc import Iterator

from adapters.checks.finder import Finder, Found, NoSettings, argument_texts
from adapters.checks.hosts import LONGEST_LABEL, hosts_in
from domain.characters import (
    BIDI_CONTROLS,
    BIDI_MARKS,
    FLAG,
    JOINERS,
    LOOKALIKES,
    SELECTORS,
    TAGS,
    ZERO_WIDTH,
    latin,
)
from domain.patterns import PatternTable
from domain.signals import Content

_LATIN = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
_CYRILLIC_ARMENIAN = "\u0400-\u052f\u0531-\u0556\u0561-\u0586"
_STRANGE = _CYRILLIC_ARMENIAN + "".join(letter for letter in LOOKALIKES if "\u0370" <= letter <= "\u03ff")
_RIGHT_TO_LEFT = "\u0590-\u05ff\u0600-\u061b\u061d-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_JOINING = "\u0600-\u0dff\u1000-\u109f\u1780-\u17b3\u17b6-\u17ff\u1820-\u18af"
_EMOJI = "\u00a9\u00ae\u203c-\u3299\ufe0f\U0001f000-\U0001faff"

_PATTERNS = [
    ("bidi", f"[{BIDI_CONTROLS}]"),
    ("bidi", f"(?m)^[^\n{_RIGHT_TO_LEFT}]*[{BIDI_MARKS}][^\n{_RIGHT_TO_LEFT}]*$"),
    ("control", r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x{80}-\x{9f}\x{fff9}-\x{fffb}]"),
    ("mixed_script", f"[{_LATIN}][{_STRANGE}]|[{_STRANGE}][{_LATIN}]"),
    ("tag_characters", f"[{TAGS}]"),
    ("variation_selectors", f"[{SELECTORS}]{{2}}"),
    ("zero_width", f"[{JOINERS}{ZERO_WIDTH}]"),
]
_TABLE = PatternTable(_PATTERNS, unicode=True)
_AT_HOME = re.compile(
    f"{FLAG}|\\A\ufeff|(?<=[{_JOINING}])[{JOINERS}](?=[{_JOINING}])|(?<=[{_EMOJI}])\u200d(?=[{_EMOJI}])"
)
"""Where invisible characters belong: flags of regions, a byte order mark, joiners in scripts and emoji that join."""


class HiddenCharacters(Finder[NoSettings]):
    """Looks for deceiving characters in the arguments."""

    name = "hidden_characters"
    version = "1"
    kinds = tuple(sorted({kind for kind, _ in _PATTERNS} | {"homoglyph_domain"}))
    settings = NoSettings

    def find(self, content: Content, settings: NoSettings) -> Iterator[Found]:
        """Yield each field with each kind of deceiving character in it."""
        for field, text in argument_texts(content):
            kinds = _TABLE.found_in(text)
            if kinds & {"zero_width", "tag_characters"}:
                kinds = _TABLE.found_in(_AT_HOME.sub("", text))
            yield from ((field, kind) for kind in kinds)
            if (not text.isascii() or "xn--" in text.lower()) and any(_imitates(host.name) for host in hosts_in(text)):
                yield field, "homoglyph_domain"


def _imitates(host: str) -> bool:
    """Whether a part of a domain name looks like a plain Latin one and is not."""
    return any(not part.isascii() and latin(part).isascii() for part in _decoded(host).split("."))


def _decoded(host: str) -> str:
    """Return the host with its punycode parts as people are shown them."""
    parts = host.split(".")
    return ".".join(
        _from_punycode(part) if part.startswith("xn--") and len(part) <= LONGEST_LABEL else part for part in parts
    )


def _from_punycode(part: str) -> str:
    try:
        return part[4:].encode("ascii", "replace").decode("punycode")
    except (UnicodeError, ValueError, OverflowError):
        return part

"""Characters that deceive: invisible ones, those that turn the direction of text, letters that look like others.

The lookalikes are letters of other alphabets that common typefaces draw like a Latin letter, a choice from the
confusables of Unicode Technical Standard 39. Letters that are at home among Latin ones are left out: the alpha, beta
and mu of formulas and of names such as TNF-alpha.
"""

import re
import unicodedata

from domain.patterns import Pattern

BIDI_CONTROLS = "\u202a-\u202e\u2066-\u2069"
BIDI_MARKS = "\u061c\u200e\u200f"
JOINERS = "\u200c\u200d"
ZERO_WIDTH = "\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2064\u3164\ufeff\uffa0"
TAGS = "\U000e0000-\U000e007f"
SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
SOFT_HYPHEN = "\u00ad"

_LATIN_FOR = {
    "АВЕЅІЈКМНОРСТУХԚԜ": "ABESIJKMHOPCTYXQW",  # Cyrillic
    "аеѕіјкорсухһԁԛԝѵ": "aesijkopcyxhdqwv",
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ": "ABEZHIKMNOPTYX",  # Greek
    "ικνορυϲ": "iknopuc",
    "ՕՍԼ": "OUL",  # Armenian
    "օսոհցզ": "ounhgq",
    "ıɑɡӏⅼ": "iagll",  # Latin and other letters made to look like plain ones
}
LOOKALIKES = {
    strange: latin for alphabet, letters in _LATIN_FOR.items() for strange, latin in zip(alphabet, letters, strict=True)
}

INVISIBLE = f"{BIDI_CONTROLS}{BIDI_MARKS}{JOINERS}{ZERO_WIDTH}{SELECTORS}{SOFT_HYPHEN}{TAGS}"
FLAG = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{2,6}\U000e007f"
"""An emoji of the flag of a region, such as Wales: the one use that tag characters still have."""

_HYPHENS = "\u2010\u2011\u2212"
_FOLDED = {ord(hyphen): "-" for hyphen in _HYPHENS} | {0xE0000 + code: chr(code) for code in range(0x20, 0x7F)}
_ODD = Pattern(f"[{_HYPHENS}{INVISIBLE}]", unicode=True)
_FLAG = re.compile(FLAG)
_DROPPED = re.compile(f"[{INVISIBLE}]+")
_STRANGE = Pattern(f"[{''.join(LOOKALIKES)}]", unicode=True)
_TO_LATIN = {ord(strange): letter for strange, letter in LOOKALIKES.items()}
_ACCENTS = re.compile("[\u0300-\u036f]+")


def readable(text: str, invisible: str = "") -> str:
    """Return the text without what cannot be seen, and with compatibility letters, such as wide ones, as plain ones.

    Tag characters, which people cannot see and models can read, become the letters they stand for. `invisible` stands
    in for each run of other invisible characters.
    """
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text)
    if not _ODD.is_in(text):
        return text
    return _DROPPED.sub(invisible, _FLAG.sub("", text).translate(_FOLDED))


def plain(text: str, invisible: str = "") -> str:
    """Return the text as patterns compare it: readable, small letters, no accents, lookalikes as Latin letters."""
    if text.isascii():
        return text.lower()
    text = _ACCENTS.sub("", unicodedata.normalize("NFKD", readable(text, invisible)))
    return latin(text).casefold()


def latin(text: str) -> str:
    """Return the text with every lookalike replaced by the Latin letter it looks like."""
    return text.translate(_TO_LATIN) if _STRANGE.is_in(text) else text


def tagged(text: str) -> str:
    """Return what tag characters in the text spell, which nobody sees."""
    return "".join(_FOLDED.get(ord(each), "") for each in re.findall(f"[{TAGS}]", _FLAG.sub("", text)))

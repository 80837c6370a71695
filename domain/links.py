"""Links: web addresses as arguments give them and as texts mention them, compared by host and path.

A link is read with or without its scheme, so that `https://www.example.com/` and `example.com` are one address.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

MAX_LENGTH = 2048
_MAX_SEGMENTS = 64
_WEB = {"": "", "http": "", "https": ""}
_DEFAULT_PORTS = (":80", ":443")
_NEVER_IN_A_LINK = re.compile(r"[\s\\<>\"'`]")

# Endings that no top-level domain has: `report.pdf` in a sentence names a file.
_FILE_ENDINGS_LISTED = """
    bak bmp cfg conf css csv dll doc docx eml exe gif gz htm html ics ini jpeg jpg js json log mp3 mp4 msg odt pdf
    png ppt pptx rtf svg tar tmp toml tsv txt wav webp xls xlsx xml yaml yml
"""
_FILE_ENDINGS = frozenset(_FILE_ENDINGS_LISTED.split())

# Each quantifier is possessive or bounded, and a link starts only where no other could be under way, so that finding
# all links of a text takes time in proportion to its length.
_IN_TEXT = re.compile(
    r"""(?<![\w@\-])(?<!\w[./])(?:
        (?P<scheme>[a-z][a-z0-9+.\-]{1,15})://(?P<rest>[^\s\\<>"'`]{1,2048}+)
      | (?P<host>[\w\-]++(?:\.[\w\-]++)++)(?P<port>:\d{1,5}(?!\w))?(?!@)(?P<path>[/?\#][^\s\\<>"'`]{0,2048}+)?
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_TOP_LEVEL = re.compile(r"[^\W\d_]{2,24}|xn--[a-z0-9\-]{1,59}", re.IGNORECASE)
_FULL_STOP_WITHOUT_SPACE = re.compile(r"([a-z0-9.\-]+\.[a-z]{2,24})\.[A-Z][a-z]*")
_SCHEME = re.compile(r"([a-z][a-z0-9+.\-]{0,15}):(//)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Link:
    """One address. `scheme` is empty for the web, `path` has no slash at its end, `query` holds the fragment too."""

    scheme: str
    host: str
    path: str = ""
    query: str = ""

    def covering(self) -> Iterator["Link"]:
        """Yield the addresses that this one lies under, itself first: its path, and each folder up to the host."""
        yield self
        segments = self.path.split("/")
        if len(segments) > _MAX_SEGMENTS or any(s.lower().replace("%2e", ".") in (".", "..") for s in segments):
            return  # where such a path leads is up to the server
        for end in range(len(segments) - (not self.query), 0, -1):
            yield Link(self.scheme, self.host, "/".join(segments[:end]))


def link_of(value: str) -> Link | None:
    """Return the address that an argument names as a whole, None for what is none."""
    text = value.strip()
    if not text or len(text) > MAX_LENGTH or _NEVER_IN_A_LINK.search(text) or not text.isprintable():
        return None
    scheme = _SCHEME.match(text)
    if scheme and scheme[2]:
        return _link(scheme[1], text[scheme.end() :])
    if scheme and not text[scheme.end() : scheme.end() + 1].isdigit():
        return None  # mailto:, javascript: and the like
    return _link("", text)


def links_in(text: str) -> Iterator[Link]:
    """Yield the addresses that a text mentions, those without a scheme only where the host has a top-level domain."""
    for found in _IN_TEXT.finditer(text):
        if found["scheme"]:
            link = _link(found["scheme"], _trimmed(found["rest"]))
            if link is not None:
                yield link
        elif found["host"]:
            yield from _bare(found["host"], found["port"] or "", found["path"] or "")


def _bare(host: str, port: str, path: str) -> Iterator[Link]:
    last = host.rpartition(".")[2]
    if not _TOP_LEVEL.fullmatch(last) or last.casefold() in _FILE_ENDINGS:
        return
    readings = [_trimmed(host + port + path)]
    if not port and not path and (sentence := _FULL_STOP_WITHOUT_SPACE.fullmatch(host)):
        readings.append(sentence[1])  # "see www.example.com.They say": both, since either may be what was meant
    for reading in readings:
        if (link := _link("", reading)) is not None:
            yield link


def _trimmed(text: str) -> str:
    """Cut the punctuation that ends a sentence, not the address."""
    return text.rstrip(".,;:!?*_~)]}|")


def _link(scheme: str, rest: str) -> Link | None:
    end = min((at for mark in "/?#" if (at := rest.find(mark)) >= 0), default=len(rest))
    authority, tail = rest[:end], rest[end:]
    host = authority.rpartition("@")[2]
    host = host.lower() if host.isascii() else unicodedata.normalize("NFKC", host).casefold()
    for port in _DEFAULT_PORTS:
        host = host.removesuffix(port)
    host = host.rstrip(".").removeprefix("www.")
    if not host:
        return None
    split = min((at for mark in "?#" if (at := tail.find(mark)) >= 0), default=len(tail))
    scheme = scheme.casefold()
    return Link(_WEB.get(scheme, scheme), host, tail[:split].rstrip("/"), tail[split:])

"""The hosts that a text points people to: in addresses with a scheme, and in names that mail programs make links of.

What has no scheme is taken for a domain when its ending is a top-level domain by the public suffix list, so that
`report.pdf`, `e.g.` and `Node.js` are none.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from publicsuffixlist import PublicSuffixList

from domain.characters import readable
from domain.patterns import Pattern

LONGEST_LABEL = 63
"""Of one part of a domain name; what is longer resolves nowhere."""

_SUFFIXES = PublicSuffixList(accept_unknown=False)
_ADDRESS = Pattern(r"(?i)\b(?:[a-z][a-z0-9+.-]{1,15}:[/\\]{2,8}|(?:https?|ftp):[/\\]?)[^\s/\\?#<>\"'`|{}^]{1,300}")
_NAME = Pattern(r"[\pL\pN_-]+(?:\.[\pL\pN_-]+)*\.\pL[\pL\pN-]*", unicode=True)
_ANY_CASE = frozenset(["com", "net", "org", "info", "biz", "edu", "gov", "mil", "int", "eu"])
"""Endings that nobody writes by forgetting the space after a full stop: `Thanks.Best` and `Co.KG` are no domains."""
_FILE_ENDINGS = frozenset(["app", "cab", "cc", "java", "md", "mov", "name", "pl", "ps", "py", "rs", "sh", "so", "zip"])
"""Top-level domains that end names of files and fields far more often than names of hosts."""


@dataclass(frozen=True)
class Host:
    """One host as it is written, in small letters, without port and final dot. `user` stands before its `@`."""

    name: str
    user: str = ""


def hosts_in(text: str) -> Iterator[Host]:
    """Yield the hosts that the text points to. Addresses of people (`bob@example.com`) are none."""
    if "." not in text and ":" not in text and text.isascii():
        return
    encoded = readable(text).replace("\u3002", ".").encode("utf-8", "replace")
    for start, end in _ADDRESS.spans(encoded):
        yield _in_authority(_decoded(encoded[start:end]))
    for start, end in _NAME.spans(encoded):
        if _stands_alone(encoded, start, end) and _is_domain(_decoded(encoded[start:end]), encoded[end : end + 1]):
            yield Host(_decoded(encoded[start:end]).lower())


def _in_authority(address: str) -> Host:
    """Return the host of `scheme://user@host:port`."""
    user, _, place = address.partition(":")[2].lstrip("/\\").rpartition("@")
    name = place.lower() if place.startswith("[") else place.lower().partition(":")[0]
    return Host(name.strip(".,;:!?*_~()"), user)


def _stands_alone(text: bytes, start: int, end: int) -> bool:
    """Whether a dotted name is neither part of an e-mail address nor of a path."""
    before, after = text[max(0, start - 2) : start], text[end : end + 1]
    in_path = before[-1:] in (b"/", b"\\") and before != b"//"
    return after != b"@" and before[-1:] != b"@" and not in_path


def _is_domain(name: str, after: str | bytes) -> bool:
    labels = name.split(".")
    ending = labels[-1].lower()
    if len(labels[-1]) > LONGEST_LABEL:
        return False
    if labels[0].lower() == "www":
        return True
    if _SUFFIXES.publicsuffix(_ascii(ending)) is None:
        return False
    if ending in _ANY_CASE:
        return True
    if not labels[-1].islower() or all(label.isdigit() for label in labels[:-1]):
        return False
    return ending not in _FILE_ENDINGS or after in (b"/", b":")


def _ascii(ending: str) -> str:
    """Return a top-level domain as the public suffix list has it."""
    return ending if ending.isascii() else "xn--" + ending.encode("punycode").decode()


def _decoded(part: bytes) -> str:
    return part.decode("utf-8", "replace")

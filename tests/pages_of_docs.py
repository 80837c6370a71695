"""Reads the documentation: its headings, sections, fenced blocks and links."""

import re
from functools import cache
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
PAGES = sorted([*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")])
_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)


@cache
def page(name: str) -> str:
    """Return a page's text by its path in the checkout, with line ends inside paragraphs as spaces."""
    return re.sub(r"(?<=[^\n|`])\n(?=[^\n|`#-])", " ", (CHECKOUT / name).read_text())


def _unfenced(path: Path) -> str:
    return _FENCE.sub("", path.read_text())


def headings(name: str, level: int) -> list[str]:
    """Return the headings of one level, in order."""
    return [text for marks, text in _HEADING.findall(_unfenced(CHECKOUT / name)) if len(marks) == level]


def section(name: str, heading: str) -> str:
    """Return what stands under a heading, up to the next one."""
    text = _unfenced(CHECKOUT / name)
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise LookupError(f"{name} has no heading '{heading}'")
    return re.sub(r"(?<=[^\n|])\n(?=[^\n|])", " ", found[1].strip())


def fences(path: Path, language: str) -> list[str]:
    """Return the fenced blocks of a language; `sh` has those marked `sh runs`, too."""
    found = _FENCE.findall(path.read_text())
    return [body for marked, body in found if marked == language or marked.startswith(f"{language} ")]


def links(path: Path) -> list[str]:
    """Return the targets of a page's links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", _unfenced(path))


def slugs(path: Path) -> set[str]:
    """Return the anchors that a page's headings have."""
    names = (text.lower() for _, text in _HEADING.findall(_unfenced(path)))
    return {re.sub(r"[^\w -]", "", name).replace(" ", "-") for name in names}

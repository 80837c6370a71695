"""Where in a YAML file each character of a text value is written."""

import re
from collections.abc import Iterator

import yaml

MAX_INDICATED = 9
"""A digit after `|` or `>` says how far the lines are indented; what is beyond that belongs to the value."""


def written_positions(text: str, node: yaml.ScalarNode) -> list[int] | None:
    """Return where in the file each character of a text value is written; None where that cannot be told.

    The value is put together again from what is written; only when that gives the value are the places right.
    """
    for pairs in _readings(text, node):
        again = "".join(character for character, _ in pairs)
        if again.rstrip("\n") == node.value.rstrip("\n"):
            return [place for _, place in pairs]
    return None


def _readings(text: str, node: yaml.ScalarNode) -> Iterator[list[tuple[str, int]]]:
    """Yield the ways in which a value may be written, as its characters with their places."""
    start, end = int(node.start_mark.index), int(node.end_mark.index)
    if node.style in ("'", '"'):
        yield list(_flow(text, start + 1, end - 1, node.style))
    elif node.style is None:
        yield list(_flow(text, start, end, ""))
    else:
        first = text.find("\n", start, end) + 1
        lines = [(first + found.start(), found[0]) for found in re.finditer(r"[^\n]*\n?", text[first:end]) if found[0]]
        deepest = min((len(line) - len(line.lstrip(" ")) for _, line in lines if line.strip()), default=0)
        for indent in range(deepest, max(deepest - MAX_INDICATED, 0) - 1, -1):
            yield list(_block(lines, indent, folded=node.style == ">"))


_FOLD = re.compile(r"[ \t]*\n([ \t]*\n)*[ \t]*")
_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "\\": "\\",
    '"': '"',
    "/": "/",
    "0": "\0",
    "r": "\r",
    " ": " ",
    "_": "\xa0",
    "e": "\x1b",
}
_HEXADECIMAL = {"x": 2, "u": 4, "U": 8}


def _flow(text: str, start: int, end: int, quote: str) -> Iterator[tuple[str, int]]:
    """Yield the characters of a plain or quoted value: a line break is a space, n blank lines are n line breaks."""
    place = start
    while place < end:
        fold = _FOLD.match(text, place, end)
        if fold:
            breaks = fold[0].count("\n")
            for character in " " if breaks == 1 else "\n" * (breaks - 1):
                yield character, place
            place = fold.end()
        elif quote == '"' and text[place] == "\\":
            character, length = _escaped(text, place)
            if character:
                yield character, place
            place += length
        else:
            yield text[place], place
            place += 2 if quote == "'" and text[place] == "'" else 1


def _escaped(text: str, place: int) -> tuple[str, int]:
    """Return the character that an escape stands for, and its length; an escaped line break stands for nothing."""
    mark = text[place + 1]
    if mark in _HEXADECIMAL:
        digits = _HEXADECIMAL[mark]
        return chr(int(text[place + 2 : place + 2 + digits], 16)), 2 + digits
    if mark == "\n":
        rest = re.compile(r"[ \t]*").match(text, place + 2)
        return "", 2 + len(rest[0] if rest else "")
    return _ESCAPES.get(mark, mark), 2


def _block(lines: list[tuple[int, str]], indent: int, folded: bool) -> Iterator[tuple[str, int]]:
    """Yield the characters of a `|` or `>` value, as long as its lines are indented alike."""
    last = max((number for number, (_, line) in enumerate(lines) if line.strip()), default=-1)
    for number, (place, line) in enumerate(lines):
        content = line.rstrip("\n")[indent:]
        for offset, character in enumerate(content):
            yield character, place + indent + offset
        if not folded or not content or number >= last:
            yield "\n", place + len(line) - 1
        elif lines[number + 1][1].strip():
            yield " ", place + len(line) - 1

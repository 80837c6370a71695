"""What a mail is made of, and the two ways of writing it down: as plain text and as HTML.

Both are drawn from the same parts, so they say the same. Parts hold text, never markup: whatever stands in one is
escaped when it is written, and a value of several lines never begins a line of its own in the text.
"""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_STYLE = {
    "body": "margin:0;padding:16px;background:#f4f5f7;color:#1a1d21;font:15px/1.45 system-ui,sans-serif",
    "card": "max-width:680px;margin:auto;padding:20px 24px;background:#fff;border:1px solid #d5d9df;border-radius:6px",
    "h1": "margin:0 0 12px;font-size:20px",
    "h2": "margin:20px 0 6px;font-size:15px",
    "p": "margin:0 0 8px",
    "table": "border-collapse:collapse;width:100%",
    "th": "padding:4px 12px 4px 0;text-align:left;vertical-align:top;font-weight:600;width:30%;overflow-wrap:anywhere",
    "td": "padding:4px 0;vertical-align:top;overflow-wrap:anywhere",
    "quote": "margin:0 0 8px;padding:6px 12px;border-left:3px solid #8a94a3;background:#f7f8fa;overflow-wrap:anywhere",
    "link": "color:#0b57d0",
}


class Heading(NamedTuple):
    """What the mail is about."""

    text: str


class Paragraph(NamedTuple):
    """Words of Remit's own. `strong` ones stand out."""

    text: str
    strong: bool = False


class Table(NamedTuple):
    """Names and values under a title. A value may have several lines."""

    title: str
    rows: Sequence[tuple[str, str]]


class Quote(NamedTuple):
    """Somebody else's words, under a title that says whose."""

    title: str
    text: str


class Link(NamedTuple):
    """The one address that a mail leads to."""

    text: str
    address: str


Part = Heading | Paragraph | Table | Quote | Link


def as_text(parts: Sequence[Part]) -> str:
    """Write parts down as plain text."""
    return "\n\n".join(map(_text, parts)) + "\n"


def as_html(parts: Sequence[Part]) -> str:
    """Write parts down as an HTML page that loads nothing and runs nothing."""
    body = "\n".join(map(_html, parts))
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    page = f'<body style="{_STYLE["body"]}"><div style="{_STYLE["card"]}">\n{body}\n</div></body>'
    return f'<!doctype html>\n<html lang="en"><head>{head}<title>Remit</title></head>{page}</html>\n'


def _text(part: Part) -> str:
    match part:
        case Heading(text):
            return f"{text}\n{'=' * min(len(text), 70)}"
        case Paragraph(text):
            return text
        case Table(title, rows):
            return "\n".join([f"{title}:", *(f"  {name}: {_indented(value)}" for name, value in rows)])
        case Quote(title, text):
            return "\n".join([f"{title}:", *(f"> {line}" for line in text.split("\n"))])
        case Link(text, address):
            return f"{text}:\n{address}"


def _indented(value: str) -> str:
    return value if "\n" not in value else "".join(f"\n    {line}" for line in value.split("\n"))


def _html(part: Part) -> str:
    match part:
        case Heading(text):
            return f'<h1 style="{_STYLE["h1"]}">{escape(text)}</h1>'
        case Paragraph(text, strong):
            shown = f"<strong>{_lines(text)}</strong>" if strong else _lines(text)
            return f'<p style="{_STYLE["p"]}">{shown}</p>'
        case Table(title, rows):
            cells = "".join(
                f'<tr><th scope="row" style="{_STYLE["th"]}">{escape(name)}</th>'
                f'<td style="{_STYLE["td"]}" dir="auto">{_lines(value)}</td></tr>\n'
                for name, value in rows
            )
            return f'{_title(title)}\n<table style="{_STYLE["table"]}">\n{cells}</table>'
        case Quote(title, text):
            return f'{_title(title)}\n<blockquote dir="auto" style="{_STYLE["quote"]}">{_lines(text)}</blockquote>'
        case Link(text, address):
            anchor = f'<a style="{_STYLE["link"]}" href="{escape(address)}">{escape(address)}</a>'
            return f'<p style="{_STYLE["p"]}">{escape(text)}:<br>\n{anchor}</p>'


def _title(text: str) -> str:
    return f'<h2 style="{_STYLE["h2"]}">{escape(text)}</h2>'


def _lines(text: str) -> str:
    """Return text with its line breaks and the spaces that begin its lines."""
    return "<br>\n".join(_leading(line) for line in text.split("\n"))


def _leading(line: str) -> str:
    kept = line.lstrip(" ")
    return "&nbsp;" * (len(line) - len(kept)) + escape(kept)

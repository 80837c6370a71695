"""`style`: whether texts that leave in our name keep the use case's house style."""

import re
from collections.abc import Iterator
from functools import lru_cache

from adapters.checks.finder import CannotTell, Finder, Found, NoSettings, argument_texts, has_path, paths
from adapters.checks.readability import reading_grade
from domain.catalog.use_cases import Style as StyleGuide
from domain.characters import readable
from domain.patterns import Pattern
from domain.signals import Content

_SLOT = re.compile(r"\{\{\s*[A-Za-z_][A-Za-z0-9_. ]{0,60}\}\}")
_BRACES = re.compile(r"\{\{|\}\}")
_SLOT_LENGTH = 200
_PLACEHOLDERS = Pattern(
    r"(?i)\{\{[^{}\n]{0,80}\}\}|\$\{[a-z_][a-z0-9_.]{0,60}\}|%%[a-z_]{2,40}%%|<%[^%>\n]{0,80}%>|\blorem ipsum\b"
    r"|[\[<](?:your|insert|enter|customer|client|recipient|first|last|full|company|contact|product|sender)"
    r"(?:[ _-][a-z]{1,20}){1,4}[\]>]|<(?:name|date|amount|company)>"
    r"|\[(?:name|date|amount|company|title|address|link|signature|placeholder|(?:todo|tbd|xxx|fixme)[^\]\n]{0,40})\]"
)


class Style(Finder[NoSettings]):
    """Holds the texts of an action (its action type's `roles.texts`) against the style of its use case."""

    name = "style"
    version = "1"
    kinds = ("required_phrase", "banned_phrase", "template", "reading_grade", "placeholder")
    settings = NoSettings

    def find(self, content: Content, settings: NoSettings) -> Iterator[Found]:
        """Yield each field with each way in which it breaks the style. Raises CannotTell where no text is named."""
        if not content.action_type.roles.texts:
            raise CannotTell(f"the action type '{content.action_type.id}' names no texts; list them in its roles.texts")
        style = content.use_case.style
        named = paths(content.action_type.roles.texts)
        texts = [(field, readable(text)) for field, text in argument_texts(content) if has_path(field, named)]
        said = [(field, _folded(text)) for field, text in texts]
        for phrase in _phrases(style.required_phrases):
            if not any(_says(text, phrase) for _, text in said):
                yield f"arguments.{content.action_type.roles.texts[0]}", "required_phrase"
        for phrase in _phrases(style.banned_phrases):
            yield from ((field, "banned_phrase") for field, text in said if _says(text, phrase))
        for field, text in texts:
            if style.templates and not any(_template(each).is_all_of(_lines(text)) for each in style.templates):
                yield field, "template"
            if style.max_reading_grade is not None and reading_grade(text) > style.max_reading_grade:
                yield field, "reading_grade"
            if _PLACEHOLDERS.is_in(text):
                yield field, "placeholder"


def problems_in_style(guide: StyleGuide) -> Iterator[tuple[tuple[str, int], str]]:
    """Yield each entry of a style that cannot be held against a text, with what is wrong with it."""
    for number, template in enumerate(guide.templates):
        if _BRACES.search(_SLOT.sub("", template)):
            yield ("templates", number), "has '{{' or '}}' that belong to no slot; write a slot as {{name}}"
    for list_name in ("required_phrases", "banned_phrases"):
        for number, phrase in enumerate(getattr(guide, list_name)):
            if not _folded(readable(phrase)):
                yield (list_name, number), "is blank; write the phrase or take the line out"


def _phrases(phrases: list[str]) -> list[str]:
    return [_folded(readable(phrase)) for phrase in phrases]


def _folded(text: str) -> str:
    """Return the text as phrases are compared: without regard to case and to how it is broken into lines."""
    return " ".join(text.casefold().split())


def _says(text: str, phrase: str) -> bool:
    """Whether the phrase stands in the text as whole words: `free` is not in `freedom`."""
    at = text.find(phrase)
    while at >= 0:
        end = at + len(phrase)
        cut_before = at > 0 and text[at - 1].isalnum() and phrase[0].isalnum()
        cut_after = end < len(text) and text[end].isalnum() and phrase[-1].isalnum()
        if not cut_before and not cut_after:
            return True
        at = text.find(phrase, at + 1)
    return False


def _lines(text: str) -> str:
    """Return the text with single spaces and without spaces or empty lines at its ends."""
    return "\n".join(" ".join(line.split()) for line in text.strip().splitlines())


@lru_cache(maxsize=512)
def _template(template: str) -> Pattern:
    """Return a pattern for the texts that fill the slots, each with something of one line."""
    literals = [re.escape(part) for part in _SLOT.split(_lines(readable(template)))]
    return Pattern(rf"[^\n]{{1,{_SLOT_LENGTH}}}".join(literals), unicode=True)

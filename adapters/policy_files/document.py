"""YAML documents with the place where each value stands.

What is read is what JSON has: texts, numbers, true and false, null, lists, and records with names. `off`, `17:00` and
`2026-01-31` are texts, as in YAML 1.2; aliases, tags and duplicate names are refused.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

import yaml

from adapters.policy_files.written import written_positions
from domain.catalog.problems import Place
from domain.catalog.texts import fault_of

MAX_DEPTH = 60
MAX_INTEGER = 2**53 - 1
_TRUTH = "tag:yaml.org,2002:bool"
_WHOLE = "tag:yaml.org,2002:int"
_DECIMAL = "tag:yaml.org,2002:float"
_NULL = "tag:yaml.org,2002:null"


_HINTS = {
    "mapping values are not allowed": ": a text with ': ' in it must stand in quotes",
    "found character '\\t'": ": indent with spaces, not with tabs",
    "expected ',' or ']'": ": a '[' before it is not closed",
    "expected ',' or '}'": ": a '{' before it is not closed",
    "expected <block end>": ": this line is indented differently from those above it",
    "could not find expected ':'": ": a name needs ': ' and its value after it",
    "found unexpected end of stream": ": a quote before it is not closed",
}


@dataclass(frozen=True)
class Fault:
    """Something wrong with a file: the character where it stands, and what to write instead."""

    index: int
    message: str


class _Loader(yaml.SafeLoader):
    """Composes nodes, with the few kinds of plain value that JSON has."""

    yaml_implicit_resolvers = {}
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        mark: Any = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases are not allowed; write it out", mark)
        if getattr(event, "tag", None) is not None:
            message = f"tags such as {event.tag} are not allowed; write the value alone"
            raise yaml.composer.ComposerError(None, None, message, mark)
        if self.depth >= MAX_DEPTH:
            message = f"it nests deeper than {MAX_DEPTH} levels"
            raise yaml.composer.ComposerError(None, None, message, mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


for _tag, _form, _first in (
    (_TRUTH, r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    (_WHOLE, r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    (_DECIMAL, r"[-+]?((\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)", list("-+.0123456789")),
    (_NULL, r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    _Loader.add_implicit_resolver(_tag, re.compile(rf"^(?:{_form})\Z"), _first)


class Document:
    """One YAML file: its content as JSON has it, what is wrong with it, and where everything stands.

    `content` is empty when the file cannot be read at all.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.faults: list[Fault] = []
        self.content: dict[str, Any] = {}
        self._root: yaml.MappingNode | None = None
        node = self._composed()
        if isinstance(node, yaml.MappingNode):
            self._root = node
            self.content = self._value(node)
        elif not self.faults:
            self.faults.append(Fault(0, "expected names with values, such as 'agents:', at the top level"))

    def index_of(self, place: Place, at_name: bool = False, offset: int = 0) -> int:
        """Return the character where the value at a place begins, or its name, or a character inside a text value.

        Where there is no such value, it is the nearest one around it; where a text is written so that the character
        cannot be told, it is where the text begins.
        """
        node: yaml.Node | None = self._root
        name: yaml.Node | None = None
        for part in place:
            found = _entry(node, part)
            if found is None:
                break
            name, node = found
        else:
            if at_name and name is not None:
                return _index(name)
        if not isinstance(node, yaml.ScalarNode) or not offset:
            return _index(node)
        written = written_positions(self.text, node)
        return written[offset] if written is not None and offset < len(written) else _index(node)

    def line_and_column(self, index: int) -> tuple[int, int]:
        """Return the line and column of a character, both counted from 1."""
        before = self.text[:index]
        return before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1

    def _composed(self) -> yaml.Node | None:
        loader = None
        try:
            loader = _Loader(self.text)
            node: yaml.Node | None = loader.get_single_node()
        except yaml.MarkedYAMLError as problem:
            mark = problem.problem_mark
            said = str(problem.problem)
            hint = next((hint for start, hint in _HINTS.items() if said.startswith(start)), "")
            self.faults.append(Fault(mark.index if mark else 0, f"{said}{hint}"))
        except yaml.reader.ReaderError as problem:
            self.faults.append(
                Fault(problem.position, f"the character {chr(problem.character)!r} cannot stand in YAML")
            )
        else:
            return node
        finally:
            if loader is not None:
                loader.dispose()
        return None

    def _value(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item) for item in node.value]
        if isinstance(node, yaml.MappingNode):
            return self._record(node)
        return self._scalar(node)

    def _record(self, node: yaml.MappingNode) -> dict[str, Any]:
        record: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.faults.append(Fault(_index(key), "a name before ':' must be a text"))
                continue
            name = self._text(key)
            if name in record:
                self.faults.append(Fault(_index(key), f"'{name}' stands here twice; remove one of the two"))
            record[name] = self._value(value)
        return record

    def _scalar(self, node: yaml.Node) -> Any:
        text = node.value
        if node.tag == _NULL:
            return None
        if node.tag == _TRUTH:
            return text.lower() == "true"
        if node.tag == _WHOLE:
            if len(text) > 20 or abs(int(text)) > MAX_INTEGER:
                self.faults.append(Fault(_index(node), f"{text[:40]} is too large for a number: write it in quotes"))
                return 0
            return int(text)
        if node.tag == _DECIMAL:
            number = float(text)
            if not math.isfinite(number):
                self.faults.append(Fault(_index(node), f"{text[:40]} is too large for a number: write it in quotes"))
                return 0.0
            return number
        return self._text(node)

    def _text(self, node: yaml.Node) -> str:
        text = str(node.value)
        if fault := fault_of(text):
            self.faults.append(Fault(_index(node), fault))
            return ""
        return text


def _entry(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node | None, yaml.Node] | None:
    """Return the name and value of an entry of a node."""
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return None, node.value[part]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == part:
                return key, value
    return None


def _index(node: yaml.Node | None) -> int:
    return int(node.start_mark.index) if node is not None else 0

"""Reads a policy bundle from a folder of YAML files, one concern a file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from domain.catalog import Bundle, checked
from domain.errors import BundleInvalid

MAX_FILE_BYTES = 1_000_000


class _Loader(yaml.SafeLoader):
    """YAML without duplicate keys, which the plain loader lets the last one win, and without aliases."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.constructor.ConstructorError(None, None, "aliases are not allowed; write it out", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        for name in (key for key, _ in pairs if isinstance(key, yaml.ScalarNode)):
            if name.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"'{name.value}' stands here twice", name.start_mark
                )
            seen.add(name.value)
        return super().construct_mapping(node, deep)


def read_bundle(folder: Path) -> Bundle:
    """Read and check the bundle in `folder`. Every `*.yaml` file adds its top-level keys.

    Raises BundleInvalid with every problem: YAML errors as `file:line:column`, the rest by file and place.
    """
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise BundleInvalid([f"{folder}: no *.yaml files there"])
    document: dict[str, Any] = {}
    origin: dict[str, str] = {}
    problems: list[str] = []
    for path in paths:
        for key, value in _read(path, problems):
            if key in document:
                problems.append(f"{path.name}: '{key}' stands in {origin[key]} already")
            document[key], origin[key] = value, path.name
    if problems:
        raise BundleInvalid(problems)
    try:
        bundle = Bundle.model_validate(document)
    except ValidationError as problem:
        raise BundleInvalid([_described(error, origin) for error in problem.errors()]) from problem
    return checked(bundle)


def _read(path: Path, problems: list[str]) -> Iterator[tuple[str, Any]]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            problems.append(f"{path.name}: larger than {MAX_FILE_BYTES} bytes")
            return
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  a SafeLoader
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        place = f"{path.name}:{mark.line + 1}:{mark.column + 1}" if mark else path.name
        problems.append(f"{place}: {problem.problem}")
        return
    except RecursionError:
        problems.append(f"{path.name}: nests too deep")
        return
    except (yaml.YAMLError, OSError, ValueError, AttributeError) as error:
        # The last two are what PyYAML lets through for dates and numbers that are none.
        problems.append(f"{path.name}: {error}")
        return
    if not isinstance(content, dict):
        problems.append(f"{path.name}: expected names with values at the top level")
        return
    yield from content.items()


def _described(error: Any, origin: dict[str, str]) -> str:
    place = ".".join(str(part) for part in error["loc"]) or "bundle"
    file = origin.get(str(error["loc"][0]), "bundle") if error["loc"] else "bundle"
    return f"{file}: {place}: {error['msg']}"

"""Reads a policy bundle from a folder of YAML files, one concern a file, and says where each mistake stands."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

from adapters import checks, executors
from adapters.policy_files.document import Document
from domain.catalog import Bundle
from domain.catalog.checking import problems_of
from domain.catalog.checking.warnings import bundle_warnings
from domain.catalog.problems import Place, Problem
from domain.catalog.shape import Misshapen, shaped
from domain.errors import BundleInvalid

MAX_FILE_BYTES = 1_000_000


def read_bundle(folder: Path, today: date | None = None) -> Bundle:
    """Read the bundle in `folder` and check it as on a day. Every `*.yaml` file adds its top-level names.

    Raises BundleInvalid with every problem as `file:line:column: message`, sorted by file and line. Without a day it
    is today's in UTC.
    """
    files = _Files(folder)
    if files.lines:
        raise BundleInvalid(files.sorted_lines())
    try:
        bundle = shaped(Bundle, files.content)
    except Misshapen as problem:
        files.add(problem.problems)
        raise BundleInvalid(files.sorted_lines()) from problem
    files.add(problems_of(bundle, today or datetime.now(UTC).date()))
    files.add(executors.problems_in(bundle))
    files.add(checks.problems_in(bundle))
    if files.lines:
        raise BundleInvalid(files.sorted_lines())
    return bundle


def read_document(folder: Path) -> dict[str, object]:
    """Return what the files in `folder` say together, as one document of plain JSON values, unchecked.

    Raises BundleInvalid for files that cannot be read.
    """
    files = _Files(folder)
    if files.lines:
        raise BundleInvalid(files.sorted_lines())
    return files.content


def warnings_of(folder: Path, bundle: Bundle) -> list[str]:
    """Return what is probably not meant in a sound bundle that was read from `folder`, as `file:line:column: message`.

    None of it keeps the bundle from being used.
    """
    files = _Files(folder)
    files.add(bundle_warnings(bundle))
    return files.sorted_lines()


class _Files:
    """The files of one bundle, and what is wrong with them so far."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise BundleInvalid([f"{folder} is not a folder; a bundle is a folder of *.yaml files"])
        self.lines: dict[tuple[str, int, int, str], None] = {}
        self.content: dict[str, object] = {}
        self._documents: dict[str, Document] = {}
        self._origin: dict[str, str] = {}
        paths = sorted(folder.glob("*.yaml"))
        if not paths:
            raise BundleInvalid([f"{folder}: no *.yaml files there; a bundle is a folder of them"])
        for path in paths:
            self._read(path)

    def add(self, problems: Iterable[Problem]) -> None:
        """Note problems, each at its place in its file."""
        for problem in problems:
            file, place = self._file_of(problem.place)
            self._note(file, self._documents[file].index_of(place, problem.at_name, problem.offset), problem.message)

    def sorted_lines(self) -> list[str]:
        """Return every problem as `file:line:column: message`."""
        return [f"{file}:{line}:{column}: {message}" for file, line, column, message in sorted(self.lines)]

    def _note(self, file: str, index: int, message: str) -> None:
        line, column = self._documents[file].line_and_column(index)
        self.lines[(file, line, column, message)] = None

    def _file_of(self, place: Place) -> tuple[str, Place]:
        """Return the file in which a place stands; a part that no file has is missed where the bundle has its id."""
        if place and place[0] in self._origin:
            return self._origin[str(place[0])], place
        return self._origin.get("id", next(iter(self._documents))), ()

    def _read(self, path: Path) -> None:
        text, problem = _text_of(path)
        document = self._documents[path.name] = Document(text)
        if problem:
            self.lines[(path.name, 1, 1, problem)] = None
            return
        for fault in document.faults:
            self._note(path.name, fault.index, fault.message)
        for name, value in document.content.items():
            if name in self._origin:
                message = f"'{name}' stands in {self._origin[name]} already; put the two together"
                self._note(path.name, document.index_of((name,), at_name=True), message)
            else:
                self.content[name], self._origin[name] = value, path.name


def _text_of(path: Path) -> tuple[str, str]:
    """Return the text of a file, or what keeps it from being read."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return "", f"the file is larger than {MAX_FILE_BYTES} bytes; spread it over several"
        return path.read_text(encoding="utf-8"), ""
    except UnicodeDecodeError as problem:
        return "", f"the file is not UTF-8 at byte {problem.start}; save it as UTF-8"
    except OSError as problem:
        return "", f"the file cannot be read: {problem.strerror}"

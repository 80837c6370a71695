"""Fuzz target: whatever stands in the files of a bundle, it loads, or it is refused with the place of each mistake.

    python -m tests.fuzz.fuzz_bundle -timeout=10 -max_total_time=60 [CORPUS_FOLDER]

An input is a whole file, or says which example to take and what to change in it: see `files_of`. It ends with status 0
when nothing broke; an input that breaks something, or takes longer than the time-out, is written to the working folder.
"""

import re
import sys
import tempfile
from datetime import date
from functools import lru_cache
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["adapters.policy_files", "domain"]):
    from adapters import policy_files
    from adapters.database.policies import bundle_bytes
    from adapters.policy_files import read_bundle, read_document, warnings_of
    from domain.canonical import digest
    from domain.catalog import Bundle
    from domain.catalog.shape import shaped
    from domain.errors import BundleInvalid
    from domain.examples import failures_of
    from domain.policy import Policy
    from tests.adapters.shop_policy import FILES
    from tests.pages_of_docs import CHECKOUT

TODAY = date(2026, 11, 23)
EXAMPLES = [
    FILES,
    *(
        {path.name: path.read_text() for path in sorted((CHECKOUT / "examples" / name / "policy").glob("*.yaml"))}
        for name in ("bank", "teamchat", "marketing")
    ),
]
VALUES = r"""
~
true
off
0
-1
1.5
1e999
9007199254740992
[]
{}
[[]]
{x: {}}
*x
!x 1
|
>-
'
'{{'
"\ud800"
"\0"
clerk
secrets
low
execute
2026-02-29
0001-01-01
9999-12-31
25:00
0001-01-01T00:00:00+14:00
9999-12-31T23:59:59-14:00
2026-03-29T02:30:00
0s
31d
999999999d
P999999999D
{time_zone: ../x}
{holidays: DE-XX}
x[].y
amount > 5
true || signals.secrets.found
arguments.x.y[0]
history.x > 1
scores.total >= 0
recipients.map(r, r)
{type: [null, 5]}
{$ref: '#'}
{$ref: '#/%'}
{$id: 'x:y', $ref: 'x:z'}
{allOf: [{$ref: '#/properties'}]}
{pattern: '('}
{enum: 5}
{enum: [[], {}]}
{multipleOf: 0}
{minLength: -1}
""".splitlines()
KINDS = 6
PLACE = re.compile(r"[\w.]+:[1-9][0-9]*:[1-9][0-9]*: .", re.DOTALL)
policy_files.Document = lru_cache(maxsize=200)(policy_files.Document)  # type: ignore[attr-defined, assignment]
"""Files that a change leaves alone are parsed once: parsing takes longer than everything else."""


def files_of(data: bytes) -> dict[str, str]:
    """Return the files that an input stands for.

    The first byte names an example; beyond those, the rest is one whole file. With an example, the rest is what to
    change, parted by zero bytes: what to do, two bytes for the line, and a text (a single character stands for one of
    VALUES).
    """
    which, rest = data[0] if data else 0, data[1:]
    if which >= len(EXAMPLES):
        return {"bundle.yaml": rest.decode("utf-8", "surrogateescape")}
    lines = [(name, line) for name, text in EXAMPLES[which].items() for line in text.split("\n")]
    for change in rest.split(b"\0")[:8]:
        if len(change) >= 3:
            text = change[3:].decode("utf-8", "surrogateescape")
            at = int.from_bytes(change[1:3], "big") % len(lines)
            lines[at] = (lines[at][0], changed(lines, at, change[0] % KINDS, text))
    return {name: "\n".join(line for file, line in lines if file == name) for name in EXAMPLES[which]}


def changed(lines: list[tuple[str, str]], at: int, kind: int, text: str) -> str:
    """Return a line with one change: its value replaced, its name, all of it, or something before or after it."""
    line = lines[at][1]
    text = VALUES[ord(text) % len(VALUES)] if len(text) == 1 else text
    before, colon, value = line.partition(": ")
    indent = line[: len(line) - len(line.lstrip(" -"))]
    other = lines[sum(text.encode("utf-8", "replace")) % len(lines)][1]
    return [
        f"{before}{colon}{text}",
        f"{indent}{text}{colon}{value}",
        f"{line}\n{indent.replace('-', ' ')}{text}",
        f"{before}{colon}{other.partition(': ')[2]}",
        f"{line}\n{other}",
        "",
    ][kind]


def check_laws(data: bytes) -> None:
    """Hold the loading of a bundle to its laws for one input."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in files_of(data).items():
            (folder / file).write_bytes(text.encode("utf-8", "surrogateescape"))
        try:
            bundle = read_bundle(folder, TODAY)
        except BundleInvalid as refusal:
            if not refusal.problems or not all(PLACE.match(problem) for problem in refusal.problems):
                raise AssertionError(f"a refusal without its place: {refusal.problems}") from refusal
            return
        if shaped(Bundle, read_document(folder)) != bundle:
            raise AssertionError("what is proposed over the API is another bundle than the one that was checked")
        if not all(PLACE.match(warning) for warning in warnings_of(folder, bundle)):
            raise AssertionError(f"a warning without its place: {warnings_of(folder, bundle)}")
    stored = bundle_bytes(bundle)
    policy = Policy(Bundle.model_validate_json(stored), digest(stored))
    if policy.bundle != bundle:
        raise AssertionError("a bundle that was stored is read back as another one")
    for example in bundle.tests:
        failures_of(policy, example, {})


if __name__ == "__main__":
    atheris.Setup(sys.argv, check_laws)
    atheris.Fuzz()

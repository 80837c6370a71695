import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.clean import clean
from local.slack import VERSION
from tests.local.test_processes import CHECKOUT, ended, leave_a_child_behind


def test_the_lock_names_packages_and_hashes_but_no_address() -> None:
    lock = (CHECKOUT / "requirements.lock").read_text()
    assert "://" not in lock
    assert len(re.findall(r"^\S+==", lock, re.MULTILINE)) > 50
    assert "--hash=sha256:" in lock


def test_the_makefile_installs_the_slack_stand_in_that_is_tested() -> None:
    assert f"LOCAL_SLACK_VERSION := {VERSION}\n" in (CHECKOUT / "Makefile").read_text()


def test_make_lists_its_commands() -> None:
    listed = subprocess.run(["make", "-C", CHECKOUT], capture_output=True, text=True, check=True).stdout
    for command in ("setup", "demo", "test", "bench", "lock", "clean"):
        assert re.search(rf"make {command} +\S", listed)


def test_the_remit_command_finds_its_checkout_through_a_symlink(tmp_path: Path) -> None:
    checkout = tmp_path / "a checkout"
    checkout.mkdir()
    shutil.copy2(CHECKOUT / "remit", checkout)
    (tmp_path / "link").symlink_to(Path("a checkout", "remit"))
    done = subprocess.run([tmp_path / "link"], cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{checkout}/.venv is missing. Run: make -C '{checkout}' setup" in done.stderr

    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (checkout / "cli.py").write_text("import os, sys; print(os.environ['REMIT_HOME'], os.getcwd(), sys.argv[1:])")
    done = subprocess.run([tmp_path / "link", "two words"], cwd="/", env={}, capture_output=True, text=True, check=True)
    assert done.stdout == f"{checkout}/.remit / ['two words']\n"


async def test_clean_ends_what_was_left_running(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pid = await leave_a_child_behind(home)
    await clean(home)
    assert ended(pid)
    assert "stopped sleeper" in capsys.readouterr().out


def test_clean_does_not_delete_a_folder_that_is_not_remits(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = subprocess.run(
        [sys.executable, "-m", "local.clean"],
        cwd=CHECKOUT,
        env={"REMIT_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "nothing was deleted" in done.stderr
    assert (tmp_path / "thesis.txt").exists()

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread

import psutil
import pytest

from local.processes import Child, StackError, end_leftover, free_port, keep_running, wait_until

CHECKOUT = Path(__file__).parents[2]

# A stack of one child that is killed before it can stop the child.
CRASHING_STACK = """
import asyncio, signal, sys
from pathlib import Path
from local.processes import Child

async def main():
    home, death_signal = Path(sys.argv[1]), signal.Signals(int(sys.argv[2]))
    child = Child(home, "sleeper", ["sleep", "600"], death_signal=death_signal)
    await child.start()
    print(child.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def python(home: Path, name: str, code: str) -> Child:
    return Child(home, name, [sys.executable, "-c", code])


def ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def start_stack(code: str, *arguments: object) -> tuple[subprocess.Popen[str], int]:
    """Another process that starts a child and prints the child's number."""
    stack = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert stack.stdout is not None
    with stack.stdout as output:
        return stack, int(output.readline())


async def leave_a_child_behind(home: Path) -> int:
    stack, pid = start_stack(CRASHING_STACK, home, int(signal.SIGCONT))  # a signal that ends nobody
    stack.kill()
    stack.wait()
    # Until the launcher has become `sleep`, it notices the death of its parent by itself.
    assert not ended(pid)
    return pid


async def test_the_output_of_a_child_is_appended_to_its_log(home: Path) -> None:
    child = python(home, "talker", "import sys; print('said'); print('complained', file=sys.stderr)")
    for _ in range(2):
        await child.start()
        assert await child.wait() == 0
    assert sorted(child.log.read_text().split()) == ["complained", "complained", "said", "said"]


async def test_a_child_gets_its_environment_and_this_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INHERITED", "from here")
    child = Child(home, "env", ["sh", "-c", 'echo "$INHERITED, $GIVEN"'], env={"GIVEN": "from there"}, cwd=Path("/"))
    await child.start()
    await child.wait()
    assert child.log.read_text() == "from here, from there\n"


async def test_stop_ends_the_child_and_forgets_it(home: Path) -> None:
    child = Child(home, "sleeper", ["sleep", "600"])
    await child.start()
    assert child.pid is not None
    assert (home / "run" / "sleeper.json").exists()
    await child.stop()
    assert ended(child.pid)
    assert not (home / "run" / "sleeper.json").exists()
    await child.stop()  # once more does no harm


async def test_a_child_that_does_not_obey_is_killed_with_what_it_started(home: Path) -> None:
    child = Child(home, "stubborn", ["sh", "-c", "trap '' TERM; sleep 600 & echo $!; while :; do wait; done"])
    await child.start()
    await wait_until(lambda: child.last_lines().strip() != "", 10, "its child's number", child=child)
    grandchild = int(child.last_lines())
    await child.stop(grace_seconds=0.2)
    assert child.returncode == -signal.SIGKILL
    await wait_until(lambda: ended(grandchild), 5, "the grandchild to end")


async def test_what_a_child_started_ends_with_it(home: Path) -> None:
    child = Child(home, "parent", ["sh", "-c", "sleep 600 & echo $!"])
    await child.start()
    assert await child.wait() == 0
    grandchild = int(child.last_lines())
    await wait_until(lambda: ended(grandchild), 5, "the grandchild to end")


async def test_a_child_is_started_from_the_main_thread_only(home: Path) -> None:
    errors: list[Exception] = []

    def start() -> None:
        try:
            asyncio.run(Child(home, "sleeper", ["sleep", "600"]).start())
        except StackError as error:
            errors.append(error)

    thread = Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(errors)


async def test_a_program_that_is_missing_is_named(home: Path) -> None:
    child = Child(home, "nothing", ["/no/such/program"])
    await child.start()
    with pytest.raises(StackError, match="/no/such/program: No such file or directory"):
        await wait_until(lambda: False, 10, "nothing", child=child)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has ended")
async def test_children_end_when_their_parent_is_killed(home: Path) -> None:
    stack, pid = start_stack(CRASHING_STACK, home, int(signal.SIGKILL))
    assert not ended(pid)
    stack.kill()
    stack.wait()
    await wait_until(lambda: ended(pid), 5, "the child to end")


async def test_a_child_left_over_by_a_crash_is_ended(home: Path) -> None:
    pid = await leave_a_child_behind(home)
    assert await end_leftover(home, "sleeper")
    assert ended(pid)
    assert not await end_leftover(home, "sleeper")


async def test_another_process_with_the_recorded_number_is_left_alone(home: Path) -> None:
    pid = await leave_a_child_behind(home)
    path = home / "run" / "sleeper.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"child": {"pid": pid, "created": record["child"]["created"] - 60}}))
    assert not await end_leftover(home, "sleeper")
    assert not ended(pid)
    os.kill(pid, signal.SIGKILL)


async def test_a_child_of_a_stack_that_still_runs_is_not_ended(home: Path) -> None:
    stack, pid = start_stack(CRASHING_STACK, home, int(signal.SIGKILL))
    with pytest.raises(StackError, match=f"belongs to process {stack.pid}, which is still running"):
        await end_leftover(home, "sleeper")
    assert not ended(pid)
    stack.kill()
    stack.wait()


async def test_a_record_cut_short_by_a_crash_is_no_error(home: Path) -> None:
    path = home / "run" / "sleeper.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"child": {"pi')
    assert not await end_leftover(home, "sleeper")


async def test_a_killed_child_is_restarted(home: Path) -> None:
    child = Child(home, "sleeper", ["sleep", "600"])
    await child.start()
    first, codes = child.pid, list[int]()
    assert first is not None
    keeper = asyncio.create_task(keep_running(child, lambda child, code: codes.append(code)))
    os.kill(first, signal.SIGKILL)
    await wait_until(lambda: codes == [-signal.SIGKILL], 10, "the restart")
    assert child.pid != first
    assert child.returncode is None
    await child.stop()
    await asyncio.wait_for(keeper, 5)
    assert codes == [-signal.SIGKILL], "a child that was stopped stays stopped"


async def test_a_child_that_keeps_dying_is_given_up_with_its_last_words(home: Path) -> None:
    child = Child(home, "mortal", ["sh", "-c", "echo I cannot; exit 7"])
    restarted: list[int] = []
    await child.start()
    with pytest.raises(StackError, match=r"(?s)mortal ended 3 times within 30 s.*code 7.*I cannot"):
        await keep_running(child, lambda child, code: restarted.append(code), restarts=2)
    assert restarted == [7, 7]


async def test_waiting_in_vain_says_for_what() -> None:
    with pytest.raises(StackError, match=r"waited 0\.05 s in vain for the impossible"):
        await wait_until(lambda: False, 0.05, "the impossible")


async def test_waiting_for_a_child_that_died_shows_the_end_of_its_log(home: Path) -> None:
    child = Child(home, "mortal", ["sh", "-c", "echo the reason; exit 3"])
    await child.start()
    with pytest.raises(StackError, match=r"(?s)waited for an answer, but mortal ended with code 3.*the reason"):
        await wait_until(lambda: False, 60, "an answer", child=child)


def test_a_free_port_can_be_used() -> None:
    assert 1024 <= free_port() <= 65535

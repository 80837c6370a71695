"""Subprocesses that never outlive the stack that started them.

Three lines of defence: `Child.stop`; the kernel, which ends the children when this process is killed (Linux);
and a record of each child under `<home>/run`, by which the next start finds what was left over.
"""

import asyncio
import contextlib
import json
import math
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import psutil

_LAUNCHER = Path(__file__).with_name("launch.py")
_POLL_SECONDS = 0.02
_FIRST_PORT, _LAST_PORT = 10_000, 30_000
_given_out: set[int] = set()


class StackError(Exception):
    """The local stack could not do what was asked; the message says what and what to do."""


class Child:
    """One supervised subprocess, in a session of its own, with its output appended to a log file."""

    def __init__(
        self,
        home: Path,
        name: str,
        command: Sequence[str | os.PathLike[str]],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        death_signal: signal.Signals = signal.SIGKILL,
    ) -> None:
        """`env` is added to this process's environment. `death_signal` is what the child gets when this
        process is killed; `user` is whom it runs as, for a program that refuses to run as root."""
        self.name = name
        self.log = home / "log" / f"{name}.log"
        self._home = home
        self._command = [os.fspath(part) for part in command]
        self._env = env or {}
        self._cwd = cwd
        self._user = user
        self._stop_signal = stop_signal
        self._death_signal = death_signal
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The process id of the last start; None before the first."""
        return self._process.pid if self._process else None

    @property
    def returncode(self) -> int | None:
        """None while it runs (or has never run); the negative number of the signal that ended it."""
        process = self._process
        if process is None:
            return None
        if process.returncode is None and process.poll() is not None:
            # What it started itself may still be there. Now and not later, when the system may have given
            # the number to somebody else.
            _kill_group(process.pid)
        return process.returncode

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop, so that its end is no accident."""
        return self._stopping

    async def start(self) -> None:
        """Start it. Only from the main thread: the kernel counts the end of the *thread* that started a
        child as the end of its parent."""
        if threading.current_thread() is not threading.main_thread():
            raise StackError(f"{self.name}: start it from the main thread, or it ends with the thread")
        if self._process and self.returncode is None:
            raise StackError(f"{self.name} is already running (process {self._process.pid})")
        self._stopping = False
        self.log.parent.mkdir(parents=True, exist_ok=True)
        launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), str(int(self._death_signal))]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - it forks; only the child takes time
                [*launcher, self._user or "", *self._command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._cwd,
                env={**os.environ, **self._env},
                start_new_session=True,
            )
        _write_record(self._home, self.name, self._process.pid)

    async def wait(self) -> int:
        """Wait until it has ended; the return code."""
        if self._process is None:
            raise StackError(f"{self.name} was never started")
        await wait_until(lambda: self.returncode is not None, math.inf, f"{self.name} to end")
        return self._process.returncode

    async def stop(self, grace_seconds: float = 10.0) -> None:
        """Ask it to end, wait, then kill its whole group. Harmless when it has ended already."""
        self._stopping = True
        if self._process is None:
            return
        if self.returncode is None:
            self._process.send_signal(self._stop_signal)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wait(), grace_seconds)
        if self.returncode is None:
            _kill_group(self._process.pid)
            await self.wait()
        _record_path(self._home, self.name).unlink(missing_ok=True)

    def last_lines(self, count: int = 15) -> str:
        """The end of its log, for an error message."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - 32_768))
            text = log.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-count:])


async def end_leftover(
    home: Path,
    name: str,
    *,
    stop_signal: signal.Signals = signal.SIGTERM,
    grace_seconds: float = 10.0,
) -> bool:
    """End the child `name` of an earlier run that crashed; whether there was one.

    The record must match in process id *and* create time, since process ids are used again. A child whose
    stack is still alive is no left-over: that is refused.
    """
    path = _record_path(home, name)
    try:
        record = json.loads(path.read_text())
        child, owner = record["child"], record["owner"]
    except (OSError, ValueError, LookupError):
        return False  # no record, or one cut short by the crash
    process = _find(child)
    if process is None:
        path.unlink(missing_ok=True)
        return False
    if owner["pid"] != os.getpid() and _find(owner) is not None:
        raise StackError(
            f"{name} in {home} belongs to process {owner['pid']}, which is still running: "
            "stop that one first, or choose another REMIT_HOME"
        )
    with contextlib.suppress(psutil.NoSuchProcess):
        await end_processes([process, *process.children(recursive=True)], stop_signal, grace_seconds)
    path.unlink(missing_ok=True)
    return True


async def end_processes(processes: Sequence[psutil.Process], stop_signal: signal.Signals, grace_seconds: float) -> None:
    """End processes that are not children of this one: the signal, time to obey, then SIGKILL."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(stop_signal)

    def ended() -> bool:
        return not any(_alive(process) for process in processes)

    try:
        await wait_until(ended, grace_seconds, "left-over processes to end")
    except StackError:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        await wait_until(ended, 10, "killed left-over processes to end")


async def wait_until(
    check: Callable[[], bool | Awaitable[bool]],
    timeout: float,
    what: str,
    *,
    child: Child | None = None,
) -> None:
    """Poll until `check` is true. `what` completes the sentence "waited for ..." in the error.

    With a `child`, its death ends the waiting at once, and the error carries the end of its log.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = check()
        if answer if isinstance(answer, bool) else await answer:
            return
        if child is not None and child.returncode is not None:
            raise StackError(
                f"waited for {what}, but {child.name} ended with code {child.returncode}. "
                f"Its log ({child.log}) ends:\n{child.last_lines()}"
            )
        if time.monotonic() > deadline:
            log = f". The log of {child.name} ({child.log}) ends:\n{child.last_lines()}" if child else ""
            raise StackError(f"waited {timeout:g} s in vain for {what}{log}")
        await asyncio.sleep(_POLL_SECONDS)


async def keep_running(
    child: Child,
    on_restart: Callable[[Child, int], None] = lambda child, code: None,
    *,
    restarts: int = 5,
    within_seconds: float = 30.0,
) -> None:
    """Restart the child whenever it ends without having been told to; run this as a task.

    Returns when the child was stopped on purpose. `on_restart` gets the child, running again, and the code
    the earlier one ended with. More than `restarts` in `within_seconds` is a fault that another restart
    will not cure, so it gives up with an error.
    """
    recent: list[float] = []
    while True:
        code = await child.wait()
        if child.stopping:
            return
        now = time.monotonic()
        recent = [at for at in recent if now - at < within_seconds]
        if len(recent) >= restarts:
            raise StackError(
                f"{child.name} ended {restarts + 1} times within {within_seconds:g} s, the last time with "
                f"code {code}; giving up. Its log ({child.log}) ends:\n{child.last_lines()}"
            )
        # Longer each time: what it holds (ports, shared memory) may need a moment to become free.
        await asyncio.sleep(0.1 * 2 ** len(recent))
        if child.stopping:
            return
        recent.append(now)
        await child.start()
        on_restart(child, code)


def free_port() -> int:
    """A TCP port on loopback that nobody listens on right now, and that was not given out here before.

    Taken from below the range that systems use for outgoing connections (32768 or 49152 and up): a port of that
    range could be taken by any connection before the server it was meant for has started.
    """
    for _ in range(200):
        port = _FIRST_PORT + secrets.randbelow(_LAST_PORT - _FIRST_PORT)
        if port in _given_out:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _given_out.add(port)
            return port
    raise StackError(f"found no free port between {_FIRST_PORT} and {_LAST_PORT}")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    # Created with the mode, not given it afterwards: there is no moment in which others can read it.
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    part.replace(path)


def _record_path(home: Path, name: str) -> Path:
    return home / "run" / f"{name}.json"


def _write_record(home: Path, name: str, pid: int) -> None:
    try:
        record = {"child": _identity(pid), "owner": _identity(os.getpid())}
    except psutil.NoSuchProcess:
        return  # it ended at once; whoever waits for it finds out
    path = _record_path(home, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(record))
    part.replace(path)


def _identity(pid: int) -> dict[str, float]:
    return {"pid": pid, "created": psutil.Process(pid).create_time()}


def _find(identity: Mapping[str, float]) -> psutil.Process | None:
    try:
        process = psutil.Process(int(identity["pid"]))
        # The system derives it from its boot time, which moves a little when the clock is corrected.
        same = abs(process.create_time() - identity["created"]) < 1.0
    except psutil.NoSuchProcess:
        return None
    return process if same and _alive(process) else None


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _kill_group(pid: int) -> None:
    # PermissionError is what macOS answers for a group of zombies only.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)

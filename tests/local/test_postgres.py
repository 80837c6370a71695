import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from local import postgres as module
from local.postgres import EmbeddedPostgres
from local.processes import StackError, keep_running, wait_until
from tests.local.test_processes import ended, start_stack

CRASHING_STACK = """
import asyncio, signal, sys
from pathlib import Path
from local import postgres
from local.postgres import EmbeddedPostgres

postgres._FAST_SHUTDOWN = signal.Signals(int(sys.argv[2]))

async def main():
    server = EmbeddedPostgres(Path(sys.argv[1]))
    await server.start()
    print(server.child.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user for the server")


@pytest.fixture
def closed_home(home: Path) -> Path:
    home.mkdir(mode=0o700)
    return home


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def ask(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def servers_on(data_dir: Path) -> list[int]:
    return [process.pid for process in module._servers_on(data_dir)]


async def test_the_server_is_durable_and_has_no_tcp_port(postgres: EmbeddedPostgres) -> None:
    url = postgres.url("remit_app")
    assert await ask(url, "SELECT current_user::text") == "remit_app"
    for setting, value in {"fsync": "on", "synchronous_commit": "on", "max_connections": "100"}.items():
        assert await ask(url, f"SELECT current_setting('{setting}')") == value
    assert postgres.child.pid is not None
    assert psutil.Process(postgres.child.pid).net_connections("inet") == []


async def test_sqlalchemy_takes_the_url(postgres: EmbeddedPostgres) -> None:
    engine = create_async_engine(postgres.url("remit_owner").replace("postgresql:", "postgresql+asyncpg:", 1))
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT current_user::text"))).scalar() == "remit_owner"
    await engine.dispose()


@pytest.mark.parametrize("role", ["remit_owner", "remit_app", "remit_sequencer"])
async def test_no_role_can_create_databases_or_roles(postgres: EmbeddedPostgres, role: str) -> None:
    for forbidden in ("CREATE DATABASE other", "CREATE ROLE other", "SELECT pg_read_file('/etc/passwd')"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ask(postgres.url(role), forbidden)


async def test_only_the_owner_can_create_tables(postgres: EmbeddedPostgres) -> None:
    for role in ("remit_app", "remit_sequencer"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ask(postgres.url(role), "CREATE TABLE mine ()")
    await ask(postgres.url("remit_owner"), "CREATE TABLE mine ()")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await ask(postgres.url("remit_app"), "SELECT FROM mine")


async def test_a_database_is_created_from_scratch_each_time(postgres: EmbeddedPostgres) -> None:
    url = postgres.url("remit_owner", 'odd "name"')
    for _ in range(2):
        await postgres.create_database('odd "name"')
        await ask(url, "CREATE TABLE mine ()")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await ask(postgres.url("remit_app", 'odd "name"'), "CREATE TABLE yours ()")


async def test_stop_leaves_nothing_running_and_keeps_the_data(home: Path, at_end: AsyncExitStack) -> None:
    server = EmbeddedPostgres(home / "postgres")
    at_end.push_async_callback(server.remove)
    await server.start()
    await ask(server.url("remit_owner"), "CREATE TABLE kept AS SELECT 42 AS answer")
    idle = await asyncpg.connect(server.url("remit_app"))  # an open session does not hold it up
    pids = servers_on(server.data_dir)
    assert server.child.pid in pids
    await server.stop()
    idle.terminate()
    assert all(ended(pid) for pid in pids)
    assert server.child.returncode == 0

    await server.start()
    assert await ask(server.url("remit_owner"), "SELECT answer FROM kept") == 42
    await server.remove()
    assert not server.data_dir.exists()


async def test_a_left_over_server_is_taken_over(home: Path, at_end: AsyncExitStack) -> None:
    # A signal that ends nobody, so that the kernel does not end the server with its stack.
    stack, left_over = start_stack(CRASHING_STACK, home / "postgres", int(signal.SIGCONT))
    server = EmbeddedPostgres(home / "postgres")
    at_end.push_async_callback(server.remove)
    with pytest.raises(StackError, match="which is still running"):
        await server.start()
    await ask(server.url("remit_owner"), "CREATE TABLE kept AS SELECT 42 AS answer")
    stack.kill()
    stack.wait()
    assert not ended(left_over)
    (home / "run" / "postgres.json").unlink()  # it is also found without the record

    await server.start()
    assert ended(left_over)
    assert await ask(server.url("remit_owner"), "SELECT answer FROM kept") == 42


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has ended")
async def test_the_server_shuts_down_when_its_stack_is_killed(home: Path, at_end: AsyncExitStack) -> None:
    stack, server = start_stack(CRASHING_STACK, home / "postgres", int(module._FAST_SHUTDOWN))
    at_end.push_async_callback(EmbeddedPostgres(home / "postgres").remove)
    pids = servers_on(home / "postgres")
    assert server in pids
    stack.kill()
    stack.wait()
    await wait_until(lambda: all(ended(pid) for pid in pids), 20, "the server to shut down")
    assert not (home / "postgres" / "postmaster.pid").exists()


async def test_a_stale_file_with_the_number_of_a_living_process_is_no_obstacle(
    home: Path, at_end: AsyncExitStack
) -> None:
    server = EmbeddedPostgres(home / "postgres")
    at_end.push_async_callback(server.remove)
    await server.start()
    running = (server.data_dir / "postmaster.pid").read_text()
    await server.stop()
    (server.data_dir / "postmaster.pid").write_text(running.replace(str(server.child.pid), str(os.getppid()), 1))
    await server.start()


async def test_a_killed_server_is_restarted_with_its_data(postgres: EmbeddedPostgres) -> None:
    await ask(postgres.url("remit_owner"), "CREATE TABLE kept AS SELECT 42 AS answer")
    restarted = asyncio.Event()
    keeper = asyncio.create_task(keep_running(postgres.child, lambda child, code: restarted.set()))
    first = postgres.child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await asyncio.wait_for(restarted.wait(), 10)

    async def answers() -> bool:
        try:
            return await ask(postgres.url("remit_owner"), "SELECT answer FROM kept") == 42
        except (OSError, asyncpg.CannotConnectNowError):
            return False

    await wait_until(answers, 30, "PostgreSQL to be back")
    assert postgres.child.pid != first
    await postgres.stop()
    await keeper


async def test_a_first_start_that_was_cut_short_is_repeated(home: Path, at_end: AsyncExitStack) -> None:
    (home / "postgres.new").mkdir(parents=True)
    (home / "postgres.new" / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(home / "postgres")
    at_end.push_async_callback(server.remove)
    await server.start()


async def test_a_path_too_long_for_a_socket_is_replaced_and_said(home: Path, at_end: AsyncExitStack) -> None:
    said: list[str] = []
    server = EmbeddedPostgres(home / ("long" * 20) / "postgres", said.append)
    at_end.push_async_callback(server.remove)
    await server.start()
    assert await ask(server.url("remit_app"), "SELECT 1") == 1
    assert "too long for a Unix socket" in said[0]
    assert str(server.data_dir) in said[0]
    assert mode(server.data_dir.parent) == 0o700
    await server.remove()
    assert not server.data_dir.parent.exists()


@as_root
async def test_a_folder_closed_to_others_stays_closed(closed_home: Path, at_end: AsyncExitStack) -> None:
    said: list[str] = []
    server = EmbeddedPostgres(closed_home / "postgres", said.append)
    at_end.push_async_callback(server.remove)
    await server.start()
    assert "cannot reach it" in said[0]
    assert mode(closed_home) == 0o700
    place = server.data_dir
    await server.stop()
    await server.start()
    assert server.data_dir == place
    await server.remove()
    assert not place.parent.exists()


@as_root
async def test_a_fallback_of_somebody_else_is_refused(closed_home: Path, at_end: AsyncExitStack) -> None:
    server = EmbeddedPostgres(closed_home / "postgres")
    at_end.push_async_callback(server.remove)
    planted = module._fallback(closed_home / "postgres")
    planted.mkdir()
    os.chown(planted, 65534, 65534)
    with pytest.raises(StackError, match="belongs to somebody else"):
        await server.start()
    planted.rmdir()


@as_root
async def test_binaries_out_of_the_servers_reach_are_copied(
    home: Path, at_end: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_usable_by_others", lambda binaries: False)
    server = EmbeddedPostgres(home / "postgres")
    at_end.push_async_callback(server.remove)
    await server.start()
    assert server.child.pid is not None
    fallback = module._fallback(home / "postgres")
    assert Path(psutil.Process(server.child.pid).exe()).is_relative_to(fallback)
    await server.remove()
    assert not fallback.exists()


async def test_a_server_that_cannot_start_says_why(home: Path, at_end: AsyncExitStack) -> None:
    server = EmbeddedPostgres(home / "postgres")
    at_end.push_async_callback(server.remove)
    await server.start()
    await server.stop()
    (server.data_dir / "postgresql.auto.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(StackError, match='unrecognized configuration parameter "no_such_setting"'):
        await server.start()
    assert servers_on(server.data_dir) == []

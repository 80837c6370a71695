"""The metrics say by which bundle a process judges, and how long after its activation it began to."""

from datetime import UTC, datetime, timedelta

from prometheus_client import REGISTRY

from adapters.database.policies import INFO, CurrentPolicy, Policies, bundle_bytes
from domain.canonical import digest
from domain.catalog import Bundle
from domain.ledger import SYSTEM, EntryKind, entry
from local.postgres import EmbeddedPostgres
from tests.bundles import bundle
from tests.databases import Database, fresh_database

FIRST, SECOND, THIRD = (bundle(version=version) for version in "123")
HOUR = timedelta(hours=1)


async def activate(database: Database, wanted: Bundle, at: datetime) -> None:
    """Make a bundle active as at a moment."""
    said = entry(wanted.version, EntryKind.POLICY_ACTIVATED, at, SYSTEM, {})
    async with database.pool("remit_owner") as pool:
        await Policies(pool).activate(wanted, "kira", at, said)


def shown() -> list[tuple[dict[str, str], float]]:
    """Return the bundles that `remit_policy_info` has, with their values."""
    return [(sample.labels, sample.value) for metric in INFO.collect() for sample in metric.samples]


def info_of(wanted: Bundle) -> list[tuple[dict[str, str], float]]:
    return [({"version": wanted.version, "digest": digest(bundle_bytes(wanted))}, 1.0)]


def delays(*, within: str = "+Inf") -> tuple[float, float]:
    """Return how many delays of up to some seconds were seen, and how many seconds all were together."""
    name = "remit_policy_activation_delay_seconds"
    count, total = REGISTRY.get_sample_value(f"{name}_bucket", {"le": within}), REGISTRY.get_sample_value(f"{name}_sum")
    assert count is not None
    assert total is not None
    return count, total


async def test_the_bundle_a_process_judges_by_is_shown_and_no_earlier_one(shared_postgres: EmbeddedPostgres) -> None:
    database = await fresh_database(shared_postgres)
    async with database.pool() as pool:
        current = CurrentPolicy(Policies(pool), 0)
        await activate(database, FIRST, datetime.now(UTC))
        await current.current()
        assert shown() == info_of(FIRST)

        await activate(database, SECOND, datetime.now(UTC))
        assert shown() == info_of(FIRST)
        await current.current()
        assert shown() == info_of(SECOND)


async def test_the_delay_is_from_the_activation_until_this_process_judged_by_the_bundle(
    shared_postgres: EmbeddedPostgres,
) -> None:
    database = await fresh_database(shared_postgres)
    async with database.pool() as pool:
        current = CurrentPolicy(Policies(pool), 0)
        await activate(database, FIRST, datetime.now(UTC) - 2 * HOUR)
        count, total = delays()
        await current.current()
        assert delays() == (count, total), "a process that starts is not late"

        await activate(database, SECOND, datetime.now(UTC) - HOUR)
        await current.current()
        once, taken = delays()
        assert once == count + 1
        assert HOUR.total_seconds() <= taken - total < 2 * HOUR.total_seconds()

        await current.current()
        assert delays() == (once, taken), "a bundle that is looked up again is not activated again"


async def test_a_clock_that_runs_behind_the_databases_counts_as_no_delay(shared_postgres: EmbeddedPostgres) -> None:
    database = await fresh_database(shared_postgres)
    async with database.pool() as pool:
        current = CurrentPolicy(Policies(pool), 0)
        await activate(database, FIRST, datetime.now(UTC))
        await current.current()
        short, total = delays(within="0.5")
        await activate(database, THIRD, datetime.now(UTC) + HOUR)
        await current.current()

        assert delays(within="0.5") == (short + 1, total)

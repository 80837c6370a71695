"""Bundles of files as commands take them: read, tried by their own tests, warned about, and made the first one."""

import asyncio
from pathlib import Path

import asyncpg

from activities.try_examples import examples_failures
from adapters.checks import CHECKS
from adapters.database.administration import bootstrap_bundle
from adapters.database.policies import bundle_bytes
from adapters.policy_files import read_bundle, warnings_of
from commands.running import err, guarded
from domain.canonical import digest
from domain.catalog import Bundle
from domain.errors import BundleInvalid
from domain.policy import Policy


def read_policy(folder: Path) -> Policy:
    """Return the bundle in a folder; ends the command where it cannot be used."""
    return _policy(guarded(lambda: read_bundle(folder)))


def sound_policy(folder: Path) -> Policy:
    """Return the bundle in a folder whose tests pass, after printing its warnings; ends the command otherwise."""
    policy = read_policy(folder)
    guarded(lambda: asyncio.run(require_passing(policy)))
    for warning in guarded(lambda: warnings_of(folder, policy.bundle)):
        err.print(f"warning: {warning}")
    return policy


async def require_passing(policy: Policy) -> None:
    """Run the tests of a bundle. Raises BundleInvalid naming each that comes out otherwise."""
    if failures := await examples_failures(policy, CHECKS):
        raise BundleInvalid(failures)


async def activate_first(pool: "asyncpg.Pool[asyncpg.Record]", bundle: Bundle, by: str) -> bool:
    """Make a bundle whose tests pass the first active one of an installation. False when it was active already.

    Raises BundleInvalid where a test fails, Forbidden where the active bundle says who approves its changes.
    """
    await require_passing(_policy(bundle))
    return await bootstrap_bundle(pool, bundle, by)


def _policy(bundle: Bundle) -> Policy:
    return Policy(bundle, digest(bundle_bytes(bundle)))

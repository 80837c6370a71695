"""What every door works with, opened once per process."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
from fastapi import Request
from temporalio.client import Client

from adapters.database.absences import Absences
from adapters.database.actions import Actions
from adapters.database.assignments import Assignments
from adapters.database.connection import open_pool
from adapters.database.holds import Holds
from adapters.database.ledger import Ledger
from adapters.database.notices import Notices
from adapters.database.policies import CurrentPolicy, Policies
from adapters.database.policy_changes import PolicyChangeStore
from adapters.database.revisions import Revisions
from adapters.database.sign_ins import SignIns
from adapters.database.tokens import RecentCallers, Sessions, Tokens
from adapters.database.usergroups import Usergroups
from adapters.database.watch import ActionWatch
from settings import Settings
from workflows.client import ActionWorkflows, connect


@dataclass(frozen=True)
class Connections:
    """The stores, the policy and the engine."""

    settings: Settings
    pool: "asyncpg.Pool[asyncpg.Record]"
    absences: Absences
    actions: Actions
    assignments: Assignments
    holds: Holds
    ledger: Ledger
    notices: Notices
    tokens: Tokens
    callers: RecentCallers
    sessions: Sessions
    sign_ins: SignIns
    policies: CurrentPolicy
    policy_changes: PolicyChangeStore
    revisions: Revisions
    watch: ActionWatch
    temporal: Client
    workflows: ActionWorkflows


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Connections]:
    """Open everything, and close it again."""
    client = await connect(
        settings.temporal_address,
        settings.temporal_namespace,
        api_key=settings.temporal_api_key,
        tls=settings.temporal_tls,
        lazy=True,
    )
    pool = await open_pool(settings.database_url, settings.database_pool_size)
    try:
        async with ActionWatch(settings.database_url) as watch:
            yield Connections(
                settings=settings,
                pool=pool,
                absences=Absences(pool),
                actions=Actions(pool),
                assignments=Assignments(pool),
                holds=Holds(pool),
                ledger=Ledger(pool),
                notices=Notices(pool),
                tokens=Tokens(pool),
                callers=RecentCallers(Tokens(pool)),
                sessions=Sessions(pool),
                sign_ins=SignIns(pool),
                policies=CurrentPolicy(
                    Policies(pool),
                    settings.policy_refresh_seconds,
                    memberships=Usergroups(pool, timedelta(seconds=settings.slack_usergroup_max_age_seconds)),
                    absences=Absences(pool),
                ),
                policy_changes=PolicyChangeStore(pool),
                revisions=Revisions(pool),
                watch=watch,
                temporal=client,
                workflows=ActionWorkflows(client, settings.task_queue),
            )
    finally:
        await pool.close()


def connections(request: Request) -> Connections:
    """Return the process's connections, for a request."""
    found: Connections = request.app.state.connections
    return found

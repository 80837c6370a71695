"""The worker: joins the activities to their adapters, runs the workflow and sequences the ledger."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import aiohttp
import asyncpg
import structlog
import uvloop
from prometheus_client import Counter, Gauge, start_http_server
from pydantic import SecretStr
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.assess import Assess
from activities.digest import SendDigest
from activities.escalate import Escalate
from activities.execute import Execute
from activities.first_step import FirstStep
from activities.gather import Gather
from activities.holds import CheckHolds
from activities.judge import Judge
from activities.notify import Notifier, Notify
from activities.record import Record
from activities.revise import Revise
from adapters.checks import CHECKS
from adapters.database.absences import Absences
from adapters.database.actions import Actions
from adapters.database.assignments import Assignments
from adapters.database.canaries import Canaries
from adapters.database.connection import open_pool
from adapters.database.holds import Holds
from adapters.database.ledger import BATCH, Sequencer
from adapters.database.measures import History
from adapters.database.notices import Notices
from adapters.database.policies import CurrentPolicy, Policies
from adapters.database.policy_changes import PolicyChangeStore
from adapters.database.revisions import Revisions
from adapters.database.usergroups import Usergroups
from adapters.executors import executors
from adapters.executors.http_request import RemoteSystem, http_client
from adapters.notifiers import digests, notifiers
from adapters.notifiers.canaries import CanaryResults
from adapters.notifiers.slack import UsergroupReader, slack_client
from adapters.notifiers.whom import WhoseTurn
from adapters.smtp import mail_server
from domain.errors import Unavailable
from logs import configure_logs
from memory import collect_garbage_seldom
from settings import Settings
from workflows.agent_action import AgentAction
from workflows.client import ActionWorkflows, connect
from workflows.digest import PersonDigest
from workflows.digest_client import Digests

log = structlog.get_logger(__name__)
SEQUENCED = Counter("remit_ledger_entries_sequenced", "Ledger entries that got their place in the chain")
UNSTARTED = Gauge("remit_actions_unstarted", "Accepted actions not assessed yet when last looked, older than 15 s")
ACTIVE_HOLDS = Gauge("remit_holds_active", "Holds that are on when last looked, by scope", ["scope"])

_SEQUENCE_SECONDS = 0.5
_TELL_SECONDS = 1.0
_START_SECONDS = 10.0
_START_AFTER = timedelta(seconds=15)
_CONNECT_PATIENCE_SECONDS = 60


@contextlib.asynccontextmanager
async def working(client: Client, pool: "asyncpg.Pool[asyncpg.Record]", settings: Settings) -> AsyncIterator[None]:
    """Join activities and adapters into a Temporal worker, and run it."""
    async with http_client() as http, action_worker(client, pool, settings, http):
        yield


def action_worker(
    client: Client, pool: "asyncpg.Pool[asyncpg.Record]", settings: Settings, http: aiohttp.ClientSession
) -> Worker:
    """Return the Temporal worker of this deployment."""
    actions = Actions(pool)
    policies = active_policy(pool, settings)
    reachable = executors(
        {name: RemoteSystem(url=str(system.url), token=system.token) for name, system in settings.systems.items()},
        http,
        mail_server(settings),
        PolicyChangeStore(pool),
    )
    judge = Judge(Gather(History(pool), CHECKS))
    assess = Assess(actions, policies, reachable, judge)
    holds = Holds(pool)
    execute = Execute(actions, policies, reachable, holds, judge)
    escalate = Escalate(actions, policies)
    revise = Revise(actions, Revisions(pool), policies, judge, assess)
    notices, assignments = Notices(pool), Assignments(pool)
    gathered = digests(settings, notices, assignments, actions)
    digests_expected = Digests(client, settings.task_queue)
    whom = WhoseTurn(assignments, digests_expected, lambda person: bool(gathered) and person.slack_user is not None)
    shown: dict[str, Notifier] = {"canaries": CanaryResults(Canaries(pool)), **gathered}
    notify = Notify(actions, policies, {**shown, **notifiers(settings, notices, Revisions(pool), whom)})
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[AgentAction, PersonDigest],
        activities=[
            FirstStep(assess, execute).first_step,
            assess.check_eligibility,
            execute.execute,
            execute.settle,
            notify.notify,
            SendDigest(assignments, actions, policies, gathered).send_digest,
            CheckHolds(holds).check_holds,
            Record(actions).record_approval,
            escalate.reach,
            escalate.schedule,
            revise.revise,
            revise.standing,
        ],
        # The sandbox more than halves throughput; tests replay every history inside it instead.
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=5000,
        graceful_shutdown_timeout=timedelta(seconds=10),
    )


def active_policy(pool: "asyncpg.Pool[asyncpg.Record]", settings: Settings) -> CurrentPolicy:
    """Return the active policy, with the people of its Slack user groups and the absences that people declared."""
    memberships = Usergroups(pool, timedelta(seconds=settings.slack_usergroup_max_age_seconds))
    return CurrentPolicy(
        Policies(pool), settings.policy_refresh_seconds, memberships=memberships, absences=Absences(pool)
    )


async def sequence(sequencer: Sequencer) -> None:
    """Give ledger entries their place, for ever. An outage only delays: entries wait in their table."""

    async def batch() -> None:
        full = True
        while full:
            sequenced = await sequencer.run_once()
            SEQUENCED.inc(sequenced)
            full = sequenced == BATCH

    await _repeat(batch, _SEQUENCE_SECONDS, "sequencing_delayed")


async def start_unstarted(actions: Actions, workflows: ActionWorkflows) -> None:
    """Start the workflows of actions that were accepted while Temporal was away or the API was cut off.

    Starting is idempotent, so an action whose workflow does run, and only waits to be assessed, is untouched.
    """

    async def sweep() -> None:
        unstarted = await actions.unstarted(datetime.now(UTC) - _START_AFTER)
        UNSTARTED.set(len(unstarted))
        for record in unstarted:
            await workflows.start(record)

    await _repeat(sweep, _START_SECONDS, "starting_delayed")


async def tell_of_holds(holds: Holds, workflows: ActionWorkflows) -> None:
    """Tell waiting actions that a hold over them was placed or lifted, so that they stand still or go on at once.

    What was not finished when a process died is told again, and telling twice is harmless: actions look for
    themselves which holds are on.
    """

    async def tell() -> None:
        for scope, active in (await holds.count_active()).items():
            ACTIVE_HOLDS.labels(scope.value).set(active)
        async with holds.telling() as untold:
            for hold in untold:
                after = ""
                while waiting := await holds.waiting(hold, after):
                    await asyncio.gather(*(workflows.holds_changed(action_id) for action_id in waiting))
                    after = waiting[-1]

    await _repeat(tell, _TELL_SECONDS, "telling_of_holds_delayed")


async def read_usergroups(pool: "asyncpg.Pool[asyncpg.Record]", settings: Settings, token: SecretStr) -> None:
    """Keep the members of Slack user groups confirmed. While Slack is away they count until they are too old."""
    max_age = timedelta(seconds=settings.slack_usergroup_max_age_seconds)
    client = slack_client(token, str(settings.slack_base_url))
    reader = UsergroupReader(client, active_policy(pool, settings), Usergroups(pool, max_age), every=max_age / 5)
    await _repeat(reader.read, (max_age / 5).total_seconds(), "reading_usergroups_delayed")


async def _repeat(work: Callable[[], Awaitable[None]], pause: float, delayed: str) -> None:
    while True:
        try:
            await work()
        except Unavailable as problem:
            log.warning(delayed, problem=str(problem))
        await asyncio.sleep(pause)


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, then finish the activities under way."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    if settings.worker_metrics_port:
        start_http_server(settings.worker_metrics_port, settings.api_host)
    pool = await open_pool(settings.database_url, settings.database_pool_size)
    client = await _connected(settings)
    async with contextlib.AsyncExitStack() as background:
        if settings.ledger_database_url is not None:
            chain = await open_pool(settings.ledger_database_url, 2)
            await _in_background(background, sequence(Sequencer(chain)))
        workflows = ActionWorkflows(client, settings.task_queue)
        await _in_background(background, start_unstarted(Actions(pool), workflows))
        await _in_background(background, tell_of_holds(Holds(pool), workflows))
        if settings.slack_bot_token is not None:
            await _in_background(background, read_usergroups(pool, settings, settings.slack_bot_token))
        async with working(client, pool, settings):
            collect_garbage_seldom()
            log.info("worker_ready", task_queue=settings.task_queue, temporal=settings.temporal_address)
            await stopping.wait()
            log.info("worker_stopping")


async def _in_background(stack: contextlib.AsyncExitStack, work: Awaitable[None]) -> None:
    task = asyncio.ensure_future(work)

    def ended(done: "asyncio.Future[None]") -> None:
        # A background duty that ends by a bug must not end silently: the process goes, and is started again.
        if not done.cancelled() and done.exception() is not None:
            log.critical("background_failed", exc_info=done.exception())
            os._exit(1)

    async def stop() -> None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    task.add_done_callback(ended)
    stack.push_async_callback(stop)


async def _connected(settings: Settings) -> Client:
    """Connect, with patience for a Temporal that is still starting."""
    give_up = asyncio.get_running_loop().time() + _CONNECT_PATIENCE_SECONDS
    while True:
        try:
            return await connect(
                settings.temporal_address,
                settings.temporal_namespace,
                api_key=settings.temporal_api_key,
                tls=settings.temporal_tls,
            )
        except RuntimeError as problem:
            if asyncio.get_running_loop().time() > give_up:
                raise
            log.warning("temporal_not_ready", address=settings.temporal_address, problem=str(problem)[:200])
            await asyncio.sleep(1)


def main() -> None:
    """Run the worker as a process."""
    settings = Settings()
    configure_logs(settings)
    code = 0
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(settings))
    except Exception:
        log.critical("worker_failed", exc_info=True)
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    # Leaving through the interpreter aborts now and then after a Temporal client was used (sdk-python issue 300).
    os._exit(code)


if __name__ == "__main__":
    main()

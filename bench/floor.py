"""The floors: the least that Temporal can do, run by a worker with the same settings as Remit's own."""

import asyncio
import os
import signal
import sys
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from workflows.client import connect

TASK_QUEUE = "floor"


@workflow.defn
class Empty:
    """Starts and ends."""

    @workflow.run
    async def run(self, text: str) -> str:
        """Return the input."""
        return text


@activity.defn
async def echo(text: str) -> str:
    """Return the input."""
    return text


@workflow.defn
class OneActivity:
    """Runs one regular activity."""

    @workflow.run
    async def run(self, text: str) -> str:
        """Return what the activity returned."""
        return await workflow.execute_activity(echo, text, start_to_close_timeout=timedelta(seconds=10))


@workflow.defn
class Waiting:
    """Waits for one update."""

    def __init__(self) -> None:
        self._done = False

    @workflow.run
    async def run(self, text: str) -> str:
        """Return the input once told to."""
        await workflow.wait_condition(lambda: self._done)
        return text

    @workflow.update
    def finish(self, text: str) -> str:
        """End the wait."""
        self._done = True
        return text


async def run(address: str) -> None:
    """Work until SIGTERM."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    client = await connect(address, "default")
    async with Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[Empty, OneActivity, Waiting],
        activities=[echo],
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=5000,
    ):
        await stopping.wait()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1]))
    os._exit(0)

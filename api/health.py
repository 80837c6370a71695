"""Whether the process lives, whether it can work, and its metrics."""

import asyncio

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.service import RPCError

from api.connections import Connections
from api.identity import Doors
from api.step_up import readiness_of
from domain.errors import Unavailable

router = APIRouter(tags=["operations"])
_PATIENCE_SECONDS = 3.0


class Health(BaseModel):
    """The process answers."""

    status: str


class Readiness(BaseModel):
    """What the process needs, each `ok` or what is wrong. Without `step_up` some actions cannot be approved; all
    others are carried, so it does not count for `ready`."""

    ready: bool
    database: str
    temporal: str
    worker: str
    policy: str
    step_up: str


@router.get("/healthz", summary="Is the process alive?")
async def healthz() -> Health:
    """Answer without looking at anything else."""
    return Health(status="ok")


@router.get("/readyz", summary="Can actions be carried?", responses={503: {"model": Readiness}})
async def readyz(doors: Doors) -> Response:
    """Check the database, Temporal, that a worker polls, and that a policy is active."""
    database, (policy, step_up), (temporal, worker) = await asyncio.gather(
        _database(doors), _policy(doors), _engine(doors)
    )
    ready = all(part == "ok" for part in (database, policy, temporal, worker))
    found = Readiness(ready=ready, database=database, temporal=temporal, worker=worker, policy=policy, step_up=step_up)
    return JSONResponse(found.model_dump(), status_code=200 if ready else 503)


@router.get("/metrics", summary="Prometheus metrics", include_in_schema=False)
async def metrics() -> Response:
    """Return this process's metrics in Prometheus' text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _database(doors: Connections) -> str:
    try:
        await asyncio.wait_for(doors.pool.fetchval("SELECT 1"), _PATIENCE_SECONDS)
    except Exception as problem:
        return f"does not answer ({type(problem).__name__})"
    return "ok"


async def _policy(doors: Connections) -> tuple[str, str]:
    try:
        policy = await asyncio.wait_for(doors.policies.current(), _PATIENCE_SECONDS)
    except (Unavailable, TimeoutError) as problem:
        return str(problem) or "does not answer", "not known"
    return "ok", readiness_of(policy, doors.settings)


async def _engine(doors: Connections) -> tuple[str, str]:
    request = DescribeTaskQueueRequest(
        namespace=doors.settings.temporal_namespace,
        task_queue=TaskQueue(name=doors.settings.task_queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    try:
        found = await asyncio.wait_for(doors.temporal.workflow_service.describe_task_queue(request), _PATIENCE_SECONDS)
    except (RPCError, RuntimeError, TimeoutError) as problem:
        return f"does not answer ({type(problem).__name__})", "not known"
    return "ok", "ok" if found.pollers else f"none polls task queue '{doors.settings.task_queue}'"

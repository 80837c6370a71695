"""Histories that earlier versions of the workflow wrote must replay, inside the sandbox, with this one."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from tests.workflows.record_histories import HISTORIES, PATHS
from tests.workflows.world import replay
from workflows.agent_action import AgentAction


@pytest.mark.parametrize("path", sorted(HISTORIES.glob("*.json")), ids=lambda path: path.stem)
async def test_a_recorded_history_replays(path: Path) -> None:
    await replay(WorkflowHistory.from_json(path.stem, path.read_text()))


async def test_a_history_that_the_workflow_would_not_write_today_does_not_replay() -> None:
    text = (HISTORIES / "rejected.json").read_text().replace('"name": "notify"', '"name": "another"')

    with pytest.raises(NondeterminismError):
        await replay(WorkflowHistory.from_json("tampered", text))


def test_every_path_of_the_workflow_has_a_recorded_history() -> None:
    assert {path.stem for path in HISTORIES.glob("*.json")} == set(PATHS)


def test_the_workflow_loads_in_the_sandbox() -> None:
    Replayer(workflows=[AgentAction])

import asyncio
import os
import signal
import urllib.request
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from local.processes import keep_running, wait_until
from local.temporal import SEARCH_ATTRIBUTES, TemporalServer
from tests.local.test_processes import ended

AGENT = SearchAttributeKey.for_keyword("RemitAgent")


async def test_workflows_and_search_attributes_survive_a_restart(home: Path, at_end: AsyncExitStack) -> None:
    first = TemporalServer(home, headless=True)
    at_end.push_async_callback(first.stop)
    await first.start()
    client = await Client.connect(first.address)
    await client.start_workflow(
        "Waiting",
        id="waiting",
        task_queue="nobody",
        search_attributes=TypedSearchAttributes([SearchAttributePair(AGENT, "agent-7")]),
    )
    pid = first.child.pid
    assert pid is not None
    await first.stop()
    assert ended(pid)

    second = TemporalServer(home, headless=True, search_attributes={**SEARCH_ATTRIBUTES, "RemitNew": "Int"})
    at_end.push_async_callback(second.stop)
    await second.start()
    client = await Client.connect(second.address)
    listed = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace="default"))
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    assert {name: kind for name, kind in listed.custom_attributes.items() if name in SEARCH_ATTRIBUTES} == (
        dict.fromkeys(SEARCH_ATTRIBUTES, keyword)
    )
    assert listed.custom_attributes["RemitNew"] == IndexedValueType.INDEXED_VALUE_TYPE_INT

    async def listed_again() -> bool:
        return [found.id async for found in client.list_workflows("RemitAgent = 'agent-7'")] == ["waiting"]

    await wait_until(listed_again, 10, "the workflow of the first run")


async def test_finished_workflows_are_kept_for_a_month(home: Path, at_end: AsyncExitStack) -> None:
    server = TemporalServer(home, headless=True)
    at_end.push_async_callback(server.stop)
    await server.start()
    client = await Client.connect(server.address)
    found = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="default"))
    assert found.config.workflow_execution_retention_ttl.ToTimedelta().days == 30


async def test_everything_listens_on_loopback_and_the_ui_and_metrics_answer(home: Path, at_end: AsyncExitStack) -> None:
    server = TemporalServer(home)
    at_end.push_async_callback(server.stop)
    await server.start()
    assert server.child.pid is not None
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(server.child.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert set(listening) == {"127.0.0.1"}
    assert server.ui_url is not None
    for url in (server.ui_url, server.metrics_url):
        with await asyncio.to_thread(urllib.request.urlopen, url) as page:
            assert page.status == 200


async def test_a_killed_server_comes_back_at_the_same_address(home: Path, at_end: AsyncExitStack) -> None:
    server = TemporalServer(home, headless=True)
    at_end.push_async_callback(server.stop)
    await server.start()
    restarted = asyncio.Event()
    keeper = asyncio.create_task(keep_running(server.child, lambda child, code: restarted.set()))
    assert server.child.pid is not None
    os.kill(server.child.pid, signal.SIGKILL)
    await asyncio.wait_for(restarted.wait(), 10)
    await wait_until(server._serves, 30, "Temporal to be back", child=server.child)
    await server.stop()
    await keeper

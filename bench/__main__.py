"""`make bench`: throughput and latency of Remit beside those of bare workflows, interleaved on one server.

Rates depend on the machine; the ratios are what to look at. Writes `bench.json` into REMIT_HOME.
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from bench import assessing, clicking, results
from local.processes import Child, free_port, write_private
from local.stack import CHECKOUT, Stack
from tests.bundles import bundle

CONCURRENCIES = (1, 16, 64)
SCENARIOS = ("empty", "one_activity", "low_tier")
NAMES = {
    "empty": "empty workflow",
    "one_activity": "one regular activity",
    "low_tier": "low-tier action over HTTP",
    "update": "update of a waiting workflow",
    "vote_to_effect": "vote over HTTP to effect",
}
out = Console(highlight=False, width=None if sys.stdout.isatty() else 110)

Figures = dict[tuple[str, int], list[dict[str, float]]]


class Bench:
    """The servers and processes that the loads run against."""

    def __init__(self, home: Path, options: argparse.Namespace) -> None:
        self._options = options
        self._crm_port = free_port()
        systems = json.dumps({"crm": {"url": f"http://127.0.0.1:{self._crm_port}"}})
        environment = {"REMIT_SYSTEMS": systems, "REMIT_LOG_LEVEL": "warning"}
        self.stack = Stack(home, bundle(), environment=environment, headless=True, say=_say)
        self._tokens = home / "bench-tokens.json"
        self._home = home
        self._floor: Child | None = None

    async def start(self) -> None:
        """Start Remit, and a worker for the bare workflows beside it."""
        await self.stack.start()
        known = self.stack.credentials
        write_private(self._tokens, json.dumps({**known.reviewers, **known.agents}))
        command = [sys.executable, "-m", "bench.floor", self.stack.temporal.address]
        self._floor = Child(self._home, "floor-worker", command, cwd=CHECKOUT)
        await self._floor.start()

    async def stop(self) -> None:
        """Stop everything."""
        if self._floor is not None:
            await self._floor.stop()
        await self.stack.stop()

    async def load(self, scenario: str, concurrency: int) -> dict[str, float]:
        """Run one load in a process of its own and return its rate and latencies."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.load",
            *("--scenario", scenario, "--concurrency", str(concurrency)),
            *("--warm-up", str(self._options.warm_up), "--seconds", str(self._options.seconds)),
            *("--temporal", self.stack.temporal.address, "--api", self.stack.api_url),
            *("--crm-port", str(self._crm_port), "--tokens", str(self._tokens)),
            cwd=CHECKOUT,
            stdout=asyncio.subprocess.PIPE,
        )
        before = self._cpu_seconds()
        printed, _ = await process.communicate()
        spent = {name: seconds - before[name] for name, seconds in self._cpu_seconds().items()}
        if process.returncode != 0:
            raise RuntimeError(f"the load {scenario} at {concurrency} ended with code {process.returncode}")
        found = json.loads(printed)
        latencies = sorted(found["latencies"])
        if len(latencies) < 2:
            raise RuntimeError(f"the load {scenario} at {concurrency} ended too few requests; give it more --seconds")
        return {
            "rate": found["rate"],
            "p50": statistics.median(latencies),
            "p99": latencies[min(len(latencies) - 1, int(len(latencies) * 0.99))],
            **{f"cpu.{name}": 1000 * seconds / found["total"] for name, seconds in spent.items()},
        }

    def _cpu_seconds(self) -> dict[str, float]:
        """Return the processor time that each process has used so far, warm-up included."""
        roots = {
            **self.stack.pids,
            "temporal": self.stack.temporal.child.pid,
            "postgres": self.stack.postgres.child.pid,
            "floor": self._floor.pid if self._floor else None,
        }
        return {name: _cpu_of_tree(psutil.Process(pid)) for name, pid in roots.items() if pid is not None}


def _cpu_of_tree(root: psutil.Process) -> float:
    seconds = 0.0
    for process in (root, *root.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds += times.user + times.system
    return seconds


async def run(options: argparse.Namespace, home: Path) -> Figures:
    """Run every load in turn, round by round, so that the machine's moods meet all of them."""
    bench = Bench(home, options)
    figures: Figures = defaultdict(list)
    loads = [(name, c) for c in CONCURRENCIES for name in SCENARIOS] + [("update", 1), ("vote_to_effect", 1)]
    try:
        await bench.start()
        for number in range(1, options.rounds + 1):
            for scenario, concurrency in loads:
                _say(f"round {number} of {options.rounds}: {NAMES[scenario]}, {concurrency} at a time")
                figures[scenario, concurrency].append(await bench.load(scenario, concurrency))
    finally:
        await bench.stop()
    return figures


def _flat(figures: Figures) -> dict[str, float]:
    """Return one flat object of figures: medians over the rounds, and ratios taken round by round."""
    flat: dict[str, float] = {}
    for (scenario, concurrency), rounds in figures.items():
        for figure in ("rate", "p50", "p99"):
            flat[f"{scenario}.{figure}.c{concurrency}"] = round(statistics.median(r[figure] for r in rounds), 3)
    for concurrency in CONCURRENCIES:
        for floor in ("empty", "one_activity"):
            for figure, suffix in (("rate", "ratio"), ("p50", "p50_ratio")):
                flat[f"low_tier.{suffix}_{floor}.c{concurrency}"] = _ratio(
                    figures["low_tier", concurrency], figures[floor, concurrency], figure
                )
    flat["vote_to_effect.p50_ratio_update.c1"] = _ratio(figures["vote_to_effect", 1], figures["update", 1], "p50")
    return flat


def _ratio(ours: Sequence[dict[str, float]], floor: Sequence[dict[str, float]], figure: str) -> float:
    return round(statistics.median(a[figure] / b[figure] for a, b in zip(ours, floor, strict=True)), 3)


def _table(figures: Figures) -> Table:
    table = Table(title="median of the rounds; rate is per second, latencies in milliseconds")
    for column in ("load", "at a time", "rate", "lowest to highest", "p50", "p99"):
        table.add_column(column, justify="left" if column == "load" else "right")
    for (scenario, concurrency), rounds in figures.items():
        rates = [r["rate"] for r in rounds]
        table.add_row(
            NAMES[scenario],
            str(concurrency),
            f"{statistics.median(rates):.1f}",
            f"{min(rates):.1f} to {max(rates):.1f}",
            f"{statistics.median(r['p50'] for r in rounds):.1f}",
            f"{statistics.median(r['p99'] for r in rounds):.1f}",
        )
    return table


def _costs(figures: Figures) -> Table:
    """Where each millisecond goes: processor time of one request, by process."""
    names = ("temporal", "worker", "api", "postgres", "floor")
    table = Table(title="processor milliseconds of one request, by process (floor: the bare workflows' worker)")
    for column in ("load", "at a time", *names):
        table.add_column(column, justify="left" if column == "load" else "right")
    for (scenario, concurrency), rounds in figures.items():
        spent = [f"{statistics.median(r[f'cpu.{name}'] for r in rounds):.1f}" for name in names]
        table.add_row(NAMES[scenario], str(concurrency), *spent)
    return table


def _ratios(flat: dict[str, float]) -> Table:
    table = Table(title="ratios, each taken inside a round")
    for column in ("a low-tier action to", "figure", *(f"{c} at a time" for c in CONCURRENCIES)):
        table.add_column(column)
    for floor in ("empty", "one_activity"):
        for figure, suffix in (("rate", "ratio"), ("p50", "p50_ratio")):
            values = [f"{flat[f'low_tier.{suffix}_{floor}.c{c}']:.2f}" for c in CONCURRENCIES]
            table.add_row(NAMES[floor], figure, *values)
    table.add_row("(vote to effect to) update", "p50", f"{flat['vote_to_effect.p50_ratio_update.c1']:.2f}", "", "")
    return table


def _say(line: str) -> None:
    out.print(f"bench: {line}")


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="measured time of each load")
    parser.add_argument("--warm-up", type=float, default=1.5, help="time before it that does not count")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="remit-bench-"))
    home.chmod(0o755)  # PostgreSQL runs as a user of its own
    try:
        figures = asyncio.run(run(options, home))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    out.print(_table(figures))
    assessed = asyncio.run(assessing.measure())
    out.print(f"assess one action of 2 KB with 20 rules and every deterministic check: {assessed}")
    acknowledged = asyncio.run(clicking.run())
    out.print(f"acknowledging a click in Slack, 50 a second, while 5,000 actions wait: {acknowledged}")
    flat = _flat(figures) | assessed | acknowledged
    out.print(_ratios(flat))
    out.print(_costs(figures))
    out.print(f"written to {results.write(flat)}")


if __name__ == "__main__":
    main()

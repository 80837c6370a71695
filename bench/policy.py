"""`make bench-policy`: how many injected instructions a policy stops, and how often it asks for what users want.

Replays AgentDojo (see bench/dojo.py) through the engine as an agent would submit it. The prompt is always the user's;
what tools answered so far are the sources, under the name of the tool. An agent under attack does the reading of the
user task and then what the injection wants. Nobody decides anything and nothing runs: what is counted is the route.

Writes `policy.SUITE.*` into `bench.json` in REMIT_HOME, beside what is there.
"""

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from adapters.policy_files import read_bundle
from bench import results
from bench.calls import Call
from bench.dojo import OWN_ATTACKS, PUBLISHED_ATTACKS, DojoSuite
from bench.measuring import Report, measure
from bench.submitting import Submitter

CHECKOUT = Path(__file__).resolve().parent.parent
BUNDLES = {
    "banking": CHECKOUT / "examples" / "bank" / "policy",
    "slack": CHECKOUT / "examples" / "teamchat" / "policy",
}
ATTACKS = (*PUBLISHED_ATTACKS, *OWN_ATTACKS)
NOON = "2026-11-25T12:00:00+00:00"  # a Wednesday
out = Console(highlight=False, width=None if sys.stdout.isatty() else 118, soft_wrap=True)


def _show(report: Report) -> None:
    figures = report.figures()
    alone = sum(not task.stopped for task in report.tasks)
    acting, asking = sum(t.acting for t in report.tasks), sum(t.acting_stopped for t in report.tasks)
    table = Table(title=f"{report.suite}, policy {report.bundle}", title_justify="left")
    for column in ("figure", "share", "of"):
        table.add_column(column, justify="left" if column == "figure" else "right")
    shares = list(figures.values())
    table.add_row("user tasks that finish without a human", f"{shares[0]:.1%}", f"{alone} of {len(report.tasks)}")
    table.add_row("state-changing calls of user tasks that ask", f"{shares[1]:.1%}", f"{asking} of {acting}")
    table.add_row(f"pairs stopped, worst attack ({report.worst.attack})", f"{shares[2]:.1%}", f"{report.worst.pairs}")
    out.print(table)
    attacks = Table(title="by attack", title_justify="left")
    for column in ("attack", "pairs stopped", "user tasks that finish without a human under it"):
        attacks.add_column(column, justify="left" if column == "attack" else "right")
    for each in report.attacks:
        stopped = f"{each.pairs - len(each.missed)} of {each.pairs}"
        attacks.add_row(
            f"{each.attack} (ours)" if each.attack in OWN_ATTACKS else each.attack,
            stopped,
            f"{each.tasks_alone} of {each.pairs}",
        )
    out.print(attacks)
    if words_only := report.worst.words_only:
        out.print(
            f"left out: {words_only} pairs of each attack, whose injection wants nothing done, only something said"
        )
    for finished in report.tasks:
        if finished.stopped:
            out.print(f"asked: {finished.task.id}: {finished.task.prompt[:100]}")
            for call, decision in finished.stopped:
                out.print(f"    {_shown(call)}: {decision}")
    for each in report.attacks:
        for pair in each.missed:
            calls = "; ".join(map(_shown, pair.injection.calls))
            out.print(f"missed: {each.attack}: {pair.injection.id} during {pair.user.id}: {calls}")


def _shown(call: Call) -> str:
    arguments = ", ".join(f"{name}={str(value)[:60]!r}" for name, value in call.arguments.items())
    return f"{call.tool}({arguments})"


def _overall(reports: list[Report]) -> None:
    alone = sum(not task.stopped for report in reports for task in report.tasks)
    tasks = sum(len(report.tasks) for report in reports)
    pairs = sum(report.worst.pairs for report in reports)
    stopped = pairs - sum(len(report.worst.missed) for report in reports)
    out.print(f"all suites: {alone} of {tasks} user tasks ({alone / tasks:.1%}) finish without a human")
    out.print(f"all suites: {stopped} of {pairs} pairs ({stopped / pairs:.1%}) stopped, worst attack of each")


def main() -> None:
    """Read the options and replay."""
    parser = argparse.ArgumentParser(prog="make bench-policy", description=__doc__)
    parser.add_argument("--suite", help="one suite: banking, slack, travel or workspace; the first two unless given")
    parser.add_argument("--bundle", type=Path, help="folder of the bundle to measure; needs --suite")
    parser.add_argument("--attack", choices=ATTACKS, action="append", help="only this attack; may be repeated")
    parser.add_argument("--at", type=datetime.fromisoformat, default=NOON, help=f"the moment to judge at ({NOON})")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON and nothing else")
    options = parser.parse_args()
    if options.bundle and not options.suite:
        parser.error("--bundle needs --suite: which suite are its action types the tools of?")
    if options.suite and not options.bundle and options.suite not in BUNDLES:
        parser.error(f"no example bundle for '{options.suite}': name yours with --bundle")
    chosen = {options.suite: options.bundle or BUNDLES[options.suite]} if options.suite else BUNDLES
    reports = []
    for name, folder in chosen.items():
        with Submitter(read_bundle(folder, options.at.date()), options.at) as submitter:
            reports.append(measure(DojoSuite(name), submitter, options.attack or ATTACKS))
    figures = {name: value for report in reports for name, value in report.figures().items()}
    target = results.write(figures)
    if options.json:
        print(json.dumps(figures, indent=2, sort_keys=True))
        return
    for report in reports:
        _show(report)
    _overall(reports)
    out.print(f"written to {target}")


if __name__ == "__main__":
    main()

"""`remit policy ...`: bundles of files, checked, tried out, compared and activated."""

import asyncio
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import asyncpg
import typer
import yaml
from pydantic import ValidationError

from activities.try_examples import tried
from adapters.checks import CHECKS
from adapters.database.policies import Activation, Policies
from commands import policy_change
from commands.bundles import activate_first, read_policy, require_passing, sound_policy
from commands.running import fail, guarded, out, owner_url, settings_or_fail, with_pool
from commands.simulation import simulation_lines
from domain.catalog import Bundle
from domain.catalog.checking.required_tests import raised_to_high
from domain.catalog.json_schema import file_schema
from domain.errors import PolicyUnavailable
from domain.examples import Trial
from domain.policy import Policy
from domain.policy_diff import differences

app = typer.Typer(no_args_is_help=True, help="Check, try out, compare and activate policy bundles.")
app.add_typer(policy_change.app)

MAX_FILE_BYTES = 1_000_000
MAX_HISTORY = 1000
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

Folder = Annotated[Path, typer.Argument(help="Folder of *.yaml files")]


@app.command("check")
def check(folder: Folder) -> None:
    """Read a bundle, run its tests and say everything that is wrong with it, without activating it.

    A warning says what is probably not meant; it does not make the command fail.
    """
    policy = sound_policy(folder)
    out.print(f"bundle '{policy.bundle.id}' version {policy.bundle.version} is sound, {policy.ref.digest}")


@app.command("test")
def test(folder: Folder) -> None:
    """Run the tests of a bundle: each that comes out otherwise is named, and the exit status is 1."""
    policy = read_policy(folder)
    guarded(lambda: asyncio.run(require_passing(policy)))
    shown = {hit for example in policy.bundle.tests for hit in example.expect.hits or []}
    covered = len(shown & raised_to_high(policy.bundle).keys())
    out.print(f"{len(policy.bundle.tests)} tests passed; {covered} rules that can raise to high are covered")


@app.command("activate")
def activate(
    folder: Folder,
    by: Annotated[str, typer.Option(help="Who activates it, for the ledger")] = "operator",
) -> None:
    """Make the first bundle of an installation the active one, when its tests pass.

    Later ones are proposed: remit policy propose.
    """
    policy = read_policy(folder)
    bundle = policy.bundle
    changed = with_pool(owner_url(settings_or_fail()), lambda pool: activate_first(pool, bundle, by))
    state = "is active now" if changed else "was active already"
    out.print(f"bundle '{bundle.id}' version {bundle.version} {state}, {policy.ref.digest}")


@app.command("show")
def show(
    as_yaml: Annotated[bool, typer.Option("--yaml", help="Print the whole bundle as one YAML file")] = False,
) -> None:
    """Show the active bundle: version, digest, since when, by whom, and how much is in it."""

    policy, activation = with_pool(settings_or_fail().database_url, _active)
    if as_yaml:
        document = policy.bundle.model_dump(mode="json")
        out.print(yaml.safe_dump(document, sort_keys=False, allow_unicode=False), end="")
        return
    out.print(f"bundle '{policy.bundle.id}' version {policy.bundle.version}, {policy.ref.digest}")
    out.print(f"active since {_when(activation)} by {activation.activated_by}")
    out.print(_counts(policy.bundle))


@app.command("simulate")
def simulate(
    file: Annotated[Path, typer.Argument(help="JSON: agent, use_case, action_type, arguments, context")],
    folder: Annotated[Path | None, typer.Option("--dir", help="Judge by this bundle, not by the active one")] = None,
) -> None:
    """Judge an action that nobody submitted, and say why it comes out so. Nothing is recorded."""
    trial = _trial(file)
    policy = read_policy(folder) if folder is not None else _stored(None)
    judgement = guarded(lambda: asyncio.run(tried(policy, trial, CHECKS)))
    _print(simulation_lines(policy, trial, judgement))


@app.command("diff")
def diff(
    one: Annotated[str, typer.Argument(help="Folder or digest of a bundle")],
    other: Annotated[
        str | None, typer.Argument(help="Folder or digest of another; without it ONE against the active")
    ] = None,
) -> None:
    """Say in plain words what changes from one bundle to another: what loosens first."""
    old, new = _named(one if other is not None else None), _named(other if other is not None else one)
    _print(differences(old.bundle, new.bundle) or ["nothing changes"])


@app.command("history")
def history() -> None:
    """List which bundle became active when, by whom, and by which approved action, newest first.

    What an operator activated has no action.
    """
    found = with_pool(settings_or_fail().database_url, lambda pool: Policies(pool).activations(MAX_HISTORY))
    for each in found:
        by = f"by {each.activated_by}, action {each.action}" if each.action else f"by {each.activated_by}"
        out.print(f"{_when(each)}  {each.digest}  version {each.version}  {by}")


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of bundle files, for editors."""
    out.print(json.dumps(file_schema(), indent=2))


def _named(name: str | None) -> Policy:
    """Return the bundle in a folder, or a stored one by its digest; without a name the active one."""
    return read_policy(Path(name)) if name is not None and not _DIGEST.fullmatch(name) else _stored(name)


def _stored(name: str | None) -> Policy:
    async def found(pool: "asyncpg.Pool[asyncpg.Record]") -> Policy:
        return await Policies(pool).load(name) if name is not None else (await _active(pool))[0]

    return with_pool(settings_or_fail().database_url, found)


async def _active(pool: "asyncpg.Pool[asyncpg.Record]") -> tuple[Policy, Activation]:
    """Return the active bundle, and when and by whom it was activated."""
    newest = await Policies(pool).activations(1)
    if not newest:
        raise PolicyUnavailable("no policy bundle is active; load one with: remit policy activate DIR")
    return await Policies(pool).load(newest[0].digest), newest[0]


def _trial(file: Path) -> Trial:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            fail(f"{file} is larger than {MAX_FILE_BYTES} bytes")
        return Trial.model_validate_json(file.read_bytes())
    except OSError as problem:
        fail(f"{file} cannot be read: {problem.strerror}")
    except ValidationError as problem:
        lines = (f"  {'.'.join(str(part) for part in e['loc']) or 'the file'}: {e['msg']}" for e in problem.errors())
        fail(f"{file} is not an action as an agent submits it:\n" + "\n".join(lines))


def _counts(bundle: Bundle) -> str:
    """Say how much is in a bundle."""
    counted: dict[str, Sequence[object]] = {
        "agents": bundle.agents,
        "use cases": bundle.use_cases,
        "action types": bundle.action_types,
        "people": bundle.people,
        "groups": bundle.groups,
        "rules": bundle.risk.rules,
        "routes": bundle.routes,
        "approvals": bundle.approvals,
        "checks": bundle.guardrails.checks,
        "tests": bundle.tests,
    }
    return ", ".join(f"{name} {len(entries)}" for name, entries in counted.items())


def _when(activation: Activation) -> str:
    return f"{activation.activated_at:%Y-%m-%d %H:%M:%S} UTC"


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        out.print(line)

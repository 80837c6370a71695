"""`remit policy ...`: bundles of files, checked and activated."""

import json
from pathlib import Path
from typing import Annotated

import typer

from adapters.database.administration import activate_bundle
from adapters.database.policies import bundle_bytes
from adapters.policy_files import read_bundle
from commands.running import guarded, out, owner_url, settings_or_fail, with_pool
from domain.canonical import digest
from domain.catalog import Bundle
from domain.catalog.json_schema import file_schema

app = typer.Typer(no_args_is_help=True, help="Check and activate policy bundles.")

Folder = Annotated[Path, typer.Argument(help="Folder of *.yaml files")]


@app.command("check")
def check(folder: Folder) -> None:
    """Read a bundle and say everything that is wrong with it, without activating it."""
    bundle = guarded(lambda: read_bundle(folder))
    out.print(f"bundle '{bundle.id}' version {bundle.version} is sound, {_digest(bundle)}")


@app.command("activate")
def activate(
    folder: Folder,
    by: Annotated[str, typer.Option(help="Who activates it, for the ledger")] = "operator",
) -> None:
    """Check a bundle and make it the active one in every process, within seconds."""
    bundle = guarded(lambda: read_bundle(folder))
    changed = with_pool(owner_url(settings_or_fail()), lambda pool: activate_bundle(pool, bundle, by))
    state = "is active now" if changed else "was active already"
    out.print(f"bundle '{bundle.id}' version {bundle.version} {state}, {_digest(bundle)}")


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of bundle files, for editors."""
    out.print(json.dumps(file_schema(), indent=2))


def _digest(bundle: Bundle) -> str:
    return digest(bundle_bytes(bundle))

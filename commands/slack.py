"""`remit slack`: make the app in Slack, and find out what is missing there."""

from typing import Annotated

import typer
import yaml

from commands.running import fail, out, settings_or_fail, with_pool

app = typer.Typer(no_args_is_help=True, help="Make the Slack app, and check that everything in Slack is in place.")


@app.command("manifest")
def print_manifest(
    socket_mode: Annotated[
        bool | None,
        typer.Option(help="For Socket Mode, without addresses; by default when REMIT_SLACK_APP_TOKEN is set"),
    ] = None,
) -> None:
    """Print the manifest that makes the app: api.slack.com/apps, Create New App, From a manifest."""
    from adapters.notifiers.slack.manifest import manifest

    settings = settings_or_fail()
    wanted = settings.slack_app_token is not None if socket_mode is None else socket_mode
    made = manifest(str(settings.public_url), socket_mode=wanted)
    out.print(yaml.safe_dump(made, sort_keys=False, allow_unicode=True, width=100).rstrip())


@app.command("check")
def check() -> None:
    """Check token, scopes, channels, people and user groups; ends with 1 when something is to be fixed."""
    # Imported here, as above: Slack's client would take half of the time that every other command takes.
    from commands.slack_check import checked

    settings = settings_or_fail()
    found = with_pool(settings.database_url, lambda pool: checked(pool, settings))
    for finding in found:
        out.print(f"{'ok   ' if finding.well else 'WRONG'}  {finding.about}: {finding.said}")
    wrong = sum(not finding.well for finding in found)
    if wrong:
        fail(f"{wrong} of {len(found)} to be fixed")

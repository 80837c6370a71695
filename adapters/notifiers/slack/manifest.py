"""The manifest with which Slack makes the app in one step, and the scopes that stand in it."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

MANIFEST = Path(__file__).with_name("manifest.yaml")
_PATH = "/slack/interactions"


def manifest(public_url: str, *, socket_mode: bool) -> dict[str, Any]:
    """Return the manifest for an installation whose API people reach at `public_url`.

    By Socket Mode Remit opens the connection, so there are no addresses in it.
    """
    made: dict[str, Any] = yaml.safe_load(MANIFEST.read_text())
    address = f"{public_url.rstrip('/')}{_PATH}"
    settings = made["settings"]
    settings["socket_mode_enabled"] = socket_mode
    asked = [(each, "url") for each in made["features"]["slash_commands"]]
    asked += [(settings[name], "request_url") for name in ("event_subscriptions", "interactivity")]
    for part, name in asked:
        if socket_mode:
            del part[name]
        else:
            part[name] = address
    return made


@cache
def bot_scopes() -> tuple[str, ...]:
    """Return what the app's bot must be allowed."""
    return tuple(yaml.safe_load(MANIFEST.read_text())["oauth_config"]["scopes"]["bot"])

"""How effects happen. A new executor is one file, one line here and one test."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import aiohttp
from pydantic import BaseModel, ValidationError

from adapters.executors.email_send import EmailSend, EmailSendSettings, MailServer
from adapters.executors.http_request import HttpRequest, HttpRequestSettings, RemoteSystem
from domain.catalog import Bundle

SETTINGS: dict[str, type[BaseModel]] = {
    "http.request": HttpRequestSettings,
    "email.send": EmailSendSettings,
}


class Executor(Protocol):
    """The shape every member has; activities state the same port where they use it."""

    def is_short(self, settings: Mapping[str, Any]) -> bool:
        """Whether it ends within a moment."""

    def is_idempotent(self, settings: Mapping[str, Any]) -> bool:
        """Whether running twice with the same key has the effect once."""

    async def run(self, settings: Mapping[str, Any], arguments: Mapping[str, Any], key: str) -> dict[str, Any]:
        """Have the effect."""


def executors(
    systems: Mapping[str, RemoteSystem], http: aiohttp.ClientSession, mail: MailServer | None
) -> dict[str, Executor]:
    """Return the executors of this deployment by the names that action types use."""
    return {
        "http.request": HttpRequest(systems, http),
        "email.send": EmailSend(mail),
    }


def problems_in(bundle: Bundle) -> Iterator[str]:
    """Yield what is wrong with the executors that the bundle's action types name, and with their settings."""
    for action_type in bundle.action_types:
        place = f"action_types.{action_type.id}"
        model = SETTINGS.get(action_type.executor)
        if model is None:
            yield f"{place}.executor: no executor '{action_type.executor}'; known: {', '.join(sorted(SETTINGS))}"
            continue
        try:
            model.model_validate(action_type.settings)
        except ValidationError as problem:
            for error in problem.errors():
                yield f"{place}.settings.{'.'.join(str(part) for part in error['loc'])}: {error['msg']}"

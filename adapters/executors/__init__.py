"""How effects happen. A new executor is one file, one line here and one test."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

import aiohttp
from pydantic import BaseModel

from adapters.executors.email_send import EmailSend, EmailSendSettings
from adapters.executors.http_request import HttpRequest, HttpRequestSettings, RemoteSystem
from adapters.executors.policy_activate import ActivationStore, PolicyActivate
from adapters.smtp import MailServer
from domain import policy_change
from domain.catalog import Bundle
from domain.catalog.problems import Problem, suggestion
from domain.catalog.shape import Misshapen, shaped

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
    systems: Mapping[str, RemoteSystem], http: aiohttp.ClientSession, mail: MailServer | None, changes: ActivationStore
) -> dict[str, Executor]:
    """Return the executors of this deployment by the names that action types use."""
    return {
        "http.request": HttpRequest(systems, http),
        "email.send": EmailSend(mail),
        policy_change.ACTION_TYPE: PolicyActivate(changes),
    }


def problems_in(bundle: Bundle) -> Iterator[Problem]:
    """Yield what is wrong with the executors that the bundle's action types name, and with their settings."""
    for number, action_type in enumerate(bundle.action_types):
        place = ("action_types", number)
        if action_type.executor == policy_change.ACTION_TYPE:
            message = f"the executor '{action_type.executor}' is built in and runs approved changes of the policy only"
            yield Problem((*place, "executor"), f"{message}{suggestion('', SETTINGS)}")
            continue
        model = SETTINGS.get(action_type.executor)
        if model is None:
            message = f"no executor '{action_type.executor}'{suggestion(action_type.executor, SETTINGS)}"
            yield Problem((*place, "executor"), message)
            continue
        try:
            shaped(model, action_type.settings)
        except Misshapen as misshapen:
            for problem in misshapen.problems:
                yield replace(problem, place=(*place, "settings", *problem.place))

"""`remit policy propose` and `rollback`: changes of the policy, over the API, by a person with their own token."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from adapters.policy_files import read_document
from commands.bundles import sound_policy
from commands.running import err, fail, guarded, out, settings_or_fail

app = typer.Typer()

TOKEN = "REMIT_TOKEN"  # noqa: S105  the name of a variable
_PATIENCE_SECONDS = 60


def _said(reason: str) -> str:
    if not reason.strip():
        raise typer.BadParameter("it is empty; say why, for the people who approve it")
    return reason


Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of *.yaml files")]
Reason = Annotated[str, typer.Option(callback=_said, help="Why, for the people who approve it")]
Url = Annotated[str | None, typer.Option(help="Where the API answers; REMIT_PUBLIC_URL where this is not given")]


@app.command("propose")
def propose(folder: Folder, reason: Reason, url: Url = None) -> None:
    """Check a bundle, run its tests, and ask for its activation. Your token is read from REMIT_TOKEN."""
    sound_policy(folder)  # says in which file and line a mistake stands, which the API cannot
    document = guarded(lambda: read_document(folder))
    with _api(url) as api:
        _propose(api, {"bundle": document, "reason": reason})


@app.command("rollback")
def rollback(
    reason: Reason,
    to: Annotated[str | None, typer.Option(help="Digest or version; the one before where this is not given")] = None,
    url: Url = None,
) -> None:
    """Propose a bundle that was active before. It needs approval like every change."""
    with _api(url) as api:
        past = _asked(lambda: api.get("/v1/policy/history"))["items"]
        found = _earlier(past, to)
        _propose(api, {"earlier": found["digest"], "reason": reason})


def _earlier(past: list[dict[str, Any]], to: str | None) -> dict[str, Any]:
    """Return the activation to go back to, the newest that fits; `past` starts with what is active now."""
    before = [each for each in past if each["digest"] != past[0]["digest"]]
    fitting = [each for each in before if to in (None, each["digest"], each["version"])]
    if not fitting:
        wanted = f"'{to}' " if to else ""
        known = ", ".join(dict.fromkeys(each["version"] for each in before)) or "none"
        fail(f"no other bundle {wanted}was active before; versions that were: {known}")
    if len({each["digest"] for each in fitting if to == each["version"]}) > 1:
        several = "\n".join(f"  {each['digest']}  since {each['since']}" for each in fitting)
        fail(f"several bundles had version '{to}'; name one by its digest:\n{several}")
    return fitting[0]


def _propose(api: httpx.Client, body: dict[str, Any]) -> None:
    proposed = _asked(lambda: api.post("/v1/policy/proposals", json=body))
    out.print(f"proposed: version {proposed['version']}, {proposed['digest']}")
    out.print(f"it would replace {proposed['replaces']}")
    reports = {"what changes:": proposed["differences"], "what it would have made of the past:": proposed["replay"]}
    for title, lines in reports.items():
        if lines:
            out.print(title)
        for line in lines:
            out.print(f"  {line}")
    state, review = proposed["state"], proposed["review"]
    if state in ("assessing", "pending_approval"):
        out.print(f"nothing has changed yet: it waits for people, who are not you, to approve it at {review}")
    elif state == "executing":
        out.print(f"this very proposal was made before and approved, and is about to become active: {review}")
    else:
        err.print(
            f"this very proposal was made before and is {state}: {review}; to propose it once more, give another reason"
        )
    out.print(f"action {proposed['action']}")


def _api(url: str | None) -> httpx.Client:
    token = os.environ.get(TOKEN, "").strip()
    if not token or not token.isascii() or not token.isprintable():
        fail(
            f"set {TOKEN} to your reviewer token; an admin makes one with: "
            "remit token create --kind reviewer --subject YOUR_ID"
        )
    base = (url or str(settings_or_fail().public_url)).rstrip("/")
    if not _is_address(base):
        fail(f"'{base}' is not the address of an API; one looks like https://remit.example")
    return httpx.Client(base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=_PATIENCE_SECONDS)


def _is_address(base: str) -> bool:
    try:
        url = httpx.URL(base)
    except httpx.InvalidURL:
        return False
    return url.scheme in ("http", "https") and bool(url.host) and not url.query and not url.fragment


def _answer(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error or "application/json" not in answer.headers.get("content-type", ""):
        try:
            fail(str(answer.json()["detail"]))
        except (ValueError, KeyError, TypeError):
            fail(f"{answer.request.url} answered {answer.status_code} and nothing that is from Remit; check --url")
    found: dict[str, Any] = answer.json()
    return found


def _asked(ask: Callable[[], httpx.Response]) -> dict[str, Any]:
    try:
        return _answer(ask())
    except httpx.HTTPError as problem:
        fail(f"the API does not answer ({type(problem).__name__}); say where it is with --url")

"""How the story's reviewers decide: over the API, on the review page, or with a button in Slack.

A door tries once and says what it saw. Whether the vote counts is looked up afterwards, because an answer can
get lost on its way: the API may have been killed between counting a vote and saying so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

import aiohttp
import httpx

from examples.marketing.agent import RemitClient, RemitProblem
from examples.marketing.demo import Demo
from examples.marketing.forms import Form, forms_of
from examples.marketing.patience import insist
from local.processes import StackError
from local.slack import LocalSlack

MAY_HAVE_COUNTED = frozenset({"duplicate_vote", "already_decided"})


@dataclass(frozen=True)
class Wish:
    """What a person wants to decide about an action."""

    action_id: str
    person: str
    decision: str
    reason: str = ""


class Door(Protocol):
    """One way to vote."""

    async def knock(self, wish: Wish) -> str:
        """Try to vote, once, and return what happened, for people. Raises RemitProblem for a final refusal."""


class ApiDoor:
    """Votes with the person's reviewer token."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo

    async def knock(self, wish: Wish) -> str:
        """Read the action and vote on the revision that was read."""
        async with RemitClient(self._demo.api_url, self._demo.reviewer_tokens[wish.person]) as client:
            revision = (await client.get(wish.action_id))["revision"]["digest"]
            try:
                await client.vote(wish.action_id, wish.decision, revision, wish.reason)
            except RemitProblem as problem:
                if problem.code not in MAY_HAVE_COUNTED:
                    raise
                return str(problem)
        return "the API took the vote"


class PageDoor:
    """Votes on the review page, as a browser without JavaScript would."""

    def __init__(self, demo: Demo) -> None:
        self._demo = demo

    async def knock(self, wish: Wish) -> str:
        """Sign in, open the action's page, and press the button of its form."""
        path = f"/review/{wish.action_id}"
        token = self._demo.reviewer_tokens[wish.person]
        async with httpx.AsyncClient(base_url=self._demo.api_url, follow_redirects=True, trust_env=False) as browser:
            sign_in = await _open(browser, f"/review/sign-in?{urlencode({'next': path})}")
            form = next((form for form in sign_in if "token" in form.fields), None)
            if form is None:
                return "the sign-in page has no form with a field for the token"
            answer = await _send(browser, form, {"token": token, "next": path})
            if answer.is_error:
                return f"signing in was answered with {answer.status_code}"
            button = ("decision", wish.decision)
            voting = next((form for form in await _open(browser, path) if button in form.buttons), None)
            if voting is None:
                return f"the page of the action has no button to {wish.decision}"
            answer = await _send(browser, voting, {"decision": wish.decision, "reason": wish.reason})
        return f"the page answered {answer.status_code}"


class SlackDoor:
    """Presses the buttons of the action's card, and writes the reason into the window that a rejection opens."""

    def __init__(self, demo: Demo, slack: LocalSlack) -> None:
        self._demo, self._slack = demo, slack

    async def knock(self, wish: Wish) -> str:
        """Press the button in one of the channels where the person is asked."""
        user = self._demo.slack_user(wish.person)
        try:
            for channel in self._demo.slack_channels(wish.person):
                for message in await self._slack.messages(channel):
                    button = button_of(message, wish)
                    if button is not None:
                        await self._press(channel, str(message["ts"]), user, button)
                        return await self._explain(user, wish) if wish.decision == "reject" else "clicked"
        except (StackError, aiohttp.ClientError, TimeoutError) as problem:
            return f"Slack: {type(problem).__name__} {problem}"
        return f"no card with a button to {wish.decision} yet"

    async def _press(self, channel: str, ts: str, user: str, button: Mapping[str, str]) -> None:
        await self._slack.click(channel, ts, user, button["action_id"], button["block_id"], button["value"])

    async def _explain(self, user: str, wish: Wish) -> str:
        field = text_field_of(await self._open_view())
        if field is None:
            return "no window that asks for a reason opened"
        block_id, action_id = field
        values = {block_id: {action_id: {"type": "plain_text_input", "value": wish.reason}}}
        errors = await self._slack.submit_modal(user, values)
        return f"the window answered {errors}" if errors else "the reason was sent"

    async def _open_view(self) -> Mapping[str, Any]:
        """Return the window that is open, as the stand-in's own page is told when it connects."""
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{self._slack.web_url}ui") as page:
            said = await page.receive_json(timeout=5)
        stack = said["state"]["modalStack"]
        return dict(stack[-1]) if stack else {}


def doors_of(demo: Demo) -> dict[str, Door]:
    """Return the doors by the names that votes carry. Without Slack, its reviewers go to the page."""
    page = PageDoor(demo)
    return {"api": ApiDoor(demo), "page": page, "slack": SlackDoor(demo, demo.slack) if demo.slack else page}


def button_of(message: Mapping[str, Any], wish: Wish) -> dict[str, str] | None:
    """Return the button of a card that stands for a wish, as a click sends it."""
    blocks = message.get("blocks") or ()
    named = " ".join(str(block.get("block_id", "")) for block in blocks)  # the values of buttons are sealed
    for block in blocks:
        for element in block.get("elements") or ():
            names = str(element.get("action_id", ""))
            about = f"{named} {element.get('value', '')}"
            if element.get("type") == "button" and wish.decision in names and wish.action_id in about:
                return {
                    "action_id": names,
                    "block_id": str(block.get("block_id", "")),
                    "value": str(element.get("value", "")),
                }
    return None


def text_field_of(view: Any) -> tuple[str, str] | None:
    """Return block id and action id of the first text field in a window, however deep the window is wrapped."""
    if isinstance(view, list):
        return next((found for item in view if (found := text_field_of(item))), None)
    if not isinstance(view, Mapping):
        return None
    element = view.get("element")
    if isinstance(element, Mapping) and element.get("type") == "plain_text_input":
        return str(view["block_id"]), str(element["action_id"])
    return text_field_of(list(view.values()))


async def _open(browser: httpx.AsyncClient, path: str) -> list[Form]:
    response = await insist(lambda: browser.get(path))
    return forms_of(response.text, str(response.url))


async def _send(browser: httpx.AsyncClient, form: Form, answers: Mapping[str, str]) -> httpx.Response:
    """Send a form with the headers by which a server tells that its own page sent it."""
    origin = str(browser.base_url).rstrip("/")
    headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
    known = {name: value for name, value in answers.items() if value or name in form.fields}
    return await insist(lambda: browser.post(form.action, data=form.filled(**known), headers=headers))

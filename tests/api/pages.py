"""A reviewer's browser for tests: follows the pages' links and sends their forms, as a person would."""

import html
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx

from tests.installation import Installation

VOID = frozenset({"meta", "link", "input", "br", "hr", "img"})


@dataclass
class Form:
    """A form of a page: where it goes, and what it holds before anybody fills it in."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    """Reads forms and text, and insists that every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self._textarea = ""
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self.open.append(tag)
        if "id" in values:
            self.ids.append(values["id"])
        for name in ("for", "aria-labelledby", "aria-describedby"):
            self.references += values.get(name, "").split()
        if tag == "form":
            self.forms.append(Form(values["action"], values.get("method", "get")))
        if tag == "input":
            self.forms[-1].fields[values["name"]] = values.get("value", "")
        if tag == "select":
            self._select = values["name"]
        if tag == "option" and (self._select not in self.forms[-1].fields or "selected" in values):
            self.forms[-1].fields[self._select] = values["value"]
        if tag == "textarea":
            self._textarea = values["name"]
            self.forms[-1].fields[self._textarea] = ""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"
        if tag == "textarea":
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.forms[-1].fields[self._textarea] += data.removeprefix("\n")
        elif self.open[-1:] != ["style"]:
            self.text.append(data)


class Page:
    """An HTML answer, read. Reading it checks that it is well formed and that its labels point to something."""

    def __init__(self, answer: httpx.Response) -> None:
        assert answer.headers["content-type"] == "text/html; charset=utf-8", answer.text
        self.status = answer.status_code
        self.url = answer.request.url
        self.source = answer.text
        reader = _Reader()
        reader.feed(answer.text)
        assert reader.open == []
        assert len(set(reader.ids)) == len(reader.ids), "an id stands twice"
        assert set(reader.references) <= set(reader.ids), "a label or description points to nothing"
        self.forms = reader.forms
        self.text = re.sub(r"\s+", " ", "".join(reader.text))

    def form(self, end: str) -> Form:
        """Return the form whose address ends so."""
        return next(form for form in self.forms if form.action.endswith(end))

    def form_of(self, end: str, **fields: str) -> Form:
        """Return the form whose address ends so and which holds these fields already."""
        return next(f for f in self.forms if f.action.endswith(end) and fields.items() <= f.fields.items())

    def field(self, label: str) -> str:
        """Return the name of the field that is labelled so."""
        found = re.search(rf'<label for="([^"]+)">{re.escape(html.escape(label))}\b', self.source)
        assert found, f"no field '{label}'"
        return found[1]

    def has_form(self, end: str) -> bool:
        """Whether there is such a form."""
        return any(form.action.endswith(end) for form in self.forms)

    def notice(self) -> str:
        """Return the message at the top, empty without one."""
        found = re.search(r'<div class="notice \w+" role="\w+".*?</div>', self.source, re.DOTALL)
        return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", found.group()))).strip() if found else ""


@dataclass
class Browser:
    """One person's browser: a cookie jar that follows redirects and says where its forms come from."""

    http: httpx.AsyncClient

    async def get(self, path: str) -> Page:
        """Open an address and follow where it leads."""
        return Page(await self.http.get(path, follow_redirects=True))

    async def send(self, form: Form, **filled: str) -> Page:
        """Fill a form in, send it and follow where it leads."""
        return Page(await self.post(form, follow=True, **filled))

    async def post(self, form: Form, *, follow: bool, **filled: str) -> httpx.Response:
        """Fill a form in and send it."""
        assert form.method == "post"
        headers = {"Origin": str(self.http.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
        data = form.fields | filled
        return await self.http.post(form.action, data=data, headers=headers, follow_redirects=follow)

    async def vote(self, action_id: str, decision: str, reason: str = "", **changed: str) -> Page:
        """Open an action and press a button of its vote form."""
        page = await self.get(f"/review/{action_id}")
        return await self.send(page.form("/votes"), decision=decision, reason=reason, **changed)


def visitor(remit: Installation) -> Browser:
    """Return a browser in which nobody is signed in."""
    base_url = f"http://127.0.0.1:{remit.settings.api_port}"
    return Browser(httpx.AsyncClient(base_url=base_url, timeout=30, trust_env=False))


async def signed_in(remit: Installation, person: str) -> Browser:
    """Return a browser in which a person has signed in with their token."""
    browser = visitor(remit)
    page = await browser.get("/review/sign-in")
    inbox = await browser.send(page.form("/sign-in"), token=remit.tokens[person])
    assert inbox.url.path == "/review", inbox.text
    return browser

"""HTML forms, read the way a browser without JavaScript reads them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin


@dataclass
class Form:
    """One form of a page: where it goes, its fields with their values, and its buttons."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def filled(self, **answers: str) -> dict[str, str]:
        """Return what is sent. Raises LookupError for an answer the form has neither a field nor a button for."""
        for name, value in answers.items():
            if name not in self.fields and (name, value) not in self.buttons:
                raise LookupError(f"the form for {self.action} has no '{name}' to set to '{value[:40]}'")
        return {**self.fields, **answers}


def forms_of(page: str, address: str) -> list[Form]:
    """Return the forms of a page that was found at `address`."""
    reader = _Reader(address)
    reader.feed(page)
    reader.close()
    return reader.forms


class _Reader(HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._address = address
        self._open: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(action=urljoin(self._address, said.get("action", "")))
            self.forms.append(self._open)
        name = said.get("name")
        if self._open is None or not name:
            return
        if tag == "button" or (tag == "input" and said.get("type") == "submit"):
            self._open.buttons.append((name, said.get("value", "")))
        elif tag in ("input", "textarea"):
            self._open.fields[name] = said.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None

"""What a test makes go wrong with the next calls of a method of Slack's Web API."""

from dataclasses import dataclass
from typing import Any

from tests.slack_front.rules import Answer, refused


@dataclass
class Fault:
    """What goes wrong with the next calls of a method; `left` None is all of them."""

    method: str
    status: int
    body: Answer | str | None
    after: bool
    left: int | None = 1
    retry_after: int = 1


class Troubles:
    """The troubles to come, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def fail(
        self,
        method: str,
        error: str,
        status: int = 200,
        *,
        after: bool = False,
        times: int | None = 1,
        retry_after: int = 1,
    ) -> None:
        """Answer the next calls of `method`, all with `times` None, with Slack's `error`; `after` they took effect."""
        self._faults.append(Fault(method, status, refused(error), after, times, retry_after))

    def break_off(self, method: str, *, after: bool = False) -> None:
        """Answer the next call of `method` with a page that is no JSON, as a proxy in trouble does."""
        self._faults.append(Fault(method, 502, "<html>bad gateway</html>", after))

    def hang(self, method: str, *, after: bool = False) -> None:
        """Never answer the next call of `method`."""
        self._faults.append(Fault(method, 0, None, after))

    def answer(self, method: str, body: Any, status: int = 200) -> None:
        """Answer every call of `method` with this from now on."""
        self._faults.append(Fault(method, status, body, after=False, left=None))

    def heal(self) -> None:
        """Forget what was to go wrong."""
        self._faults.clear()

    def next_fault(self, method: str) -> Fault | None:
        """Return what goes wrong with a call of `method` now; None when it goes well."""
        fault = next((fault for fault in self._faults if fault.method == method), None)
        if fault is not None and fault.left is not None:
            fault.left -= 1
            if fault.left <= 0:
                self._faults.remove(fault)
        return fault

"""Fuzz target: whatever an action says, the content checks answer, answer the same again, and keep what they found.

    python -m tests.fuzz.fuzz_checks -timeout=3 -max_total_time=60 [CORPUS_FOLDER]

The arguments are those of libFuzzer. It ends with status 0 when nothing broke; an input that breaks a check, or keeps
it busy for longer than the time-out, is written to the working folder.
"""

import asyncio
import sys

import atheris

with atheris.instrument_imports(include=["adapters.checks", "domain"]):
    from adapters.checks import CHECKS
    from domain.signals import Content, Finding, Signal
    from tests.adapters.checks.contents import content

FUZZED = {name: check for name, check in CHECKS.items() if name != "personal_data_names"}
FINDS_MORE_IN_MORE = [name for name in FUZZED if name != "style"]
STYLE = {
    "templates": ["Dear {{name}}, {{text}}"],
    "required_phrases": ["regards"],
    "banned_phrases": ["free"],
    "max_reading_grade": 8,
    "link_domains": ["northwind.example"],
}
LOOP = asyncio.new_event_loop()


def look(name: str, looked_at: Content) -> Signal:
    """Return the signal of one check. Checks that only compute end at once."""
    settings = {"region": "DE", "ignore": ["@northwind.example"]} if name == "personal_data" else {}
    return LOOP.run_until_complete(FUZZED[name].inspect(looked_at, settings))


def check_laws(data: bytes) -> None:
    """Hold every check to its laws for one input: a text and, after a zero byte, what is written later.

    Bytes that are no UTF-8 become lone surrogates, which arguments may hold in this process though not over the API.
    """
    body, _, more = data.decode("utf-8", "surrogateescape").partition("\0")
    read = body.encode("utf-8", "replace").decode()
    looked_at = content(
        arguments={"body": body, "note": [more], more: body}, style=STYLE, sources={"page": read[:32_000]}
    )
    for name in FUZZED:
        signal = look(name, looked_at)
        if signal.finding is Finding.UNKNOWN or signal != look(name, looked_at):
            raise AssertionError(f"{name}: {signal}")
    longer = content(f"{body}\n{more}")
    for name in FINDS_MORE_IN_MORE:
        if look(name, content(body)).finding is Finding.FOUND and look(name, longer).finding is not Finding.FOUND:
            raise AssertionError(f"{name}: what was found is gone when more is written")


if __name__ == "__main__":
    atheris.Setup(sys.argv, check_laws)
    atheris.Fuzz()

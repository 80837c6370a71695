"""What holds for every content check: the same answer everywhere, nothing quoted, no answer rather than a wrong one."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from activities.inspect import Check, inspect
from adapters.checks import CHECKS, problems_in
from adapters.checks.personal_data_names import PersonalDataNames
from domain.catalog import Bundle
from domain.catalog.guardrails import CheckUse
from domain.signals import Finding
from tests.adapters.checks.contents import content
from tests.adapters.checks.samples import CONTENT_OF_EVERYTHING, SAMPLES, signals
from tests.bundles import DOCUMENT
from tests.pages_of_docs import CHECKOUT

PORT: dict[str, Check] = dict(CHECKS)  # mypy proves that every member fits the port of the activity
WITH_OWN_PROCESS = {"personal_data_names"}
HOSTILE = [
    *(
        "a",
        "1",
        "1 ",
        "@",
        "a@b.",
        "a.",
        "a.b ",
        "+1 ",
        "+11111111 ",
        "AA11 ",
        "DE89 ",
        "4111 ",
        "4111 1111 1111 1112 ",
    ),
    *(
        "::",
        "a:b:c:d ",
        "2001:db8::1:",
        "1.1.1.1 ",
        "tel 030 1 ",
        "ssn 123456789 ",
        "steuer 86095742718 ",
        "12345678A dni ",
    ),
    *("password: ", 'password="', "eyJ", "eyJaaaaaaaaaa.", "-----BEGIN ", "user:pass@", "postgres://a:"),
    *(
        "http:",
        "http://",
        "https://a",
        "//",
        "http://xn--a-.com ",
        "xn--a.",
        "javascript:",
        "data:a/",
        "[name](http://",
    ),
    *(
        "ignore ",
        "ignore all previous ",
        "before you task ",
        "<",
        "<!--",
        "<!-- ignore all previous instructions ",
        "display:none",
    ),
    *("you must ", "send the password ", "dear ", "ignore all previous instructions <!--"),
    *(
        "\u200b",
        "\u200d",
        "\u202e",
        "\U000e0041",
        "\U0001f468\u200d",
        "\ufe0f",
        "\U0001f3f4\U000e0067",
        "\u0301",
        "aа",
        "ﷺ",
        "İ",
    ),
    *(
        "{{",
        "{{a}}",
        "[your ",
        "[insert a ",
        "....",
        ". ",
        "\n",
        "\n\n",
        "  \n ",
        "\x00",
        "\t",
        "(((",
        "%",
        "_",
        "-",
        "e",
    ),
]


@pytest.fixture(autouse=True)
async def processes_end() -> AsyncIterator[None]:
    yield
    for check in CHECKS.values():
        if isinstance(check, PersonalDataNames):
            await check.close()


def answers() -> dict[str, Any]:
    """Return which of the checks can be held to an answer here."""
    return {name: check for name, check in CHECKS.items() if name not in WITH_OWN_PROCESS}


@pytest.mark.parametrize("name", CHECKS)
async def test_a_check_bears_its_name_and_a_version(name: str) -> None:
    signal = await CHECKS[name].inspect(SAMPLES["everything"], {})
    assert signal.check == name
    assert signal.version == CHECKS[name].version != ""


@pytest.mark.parametrize("name", answers())
async def test_every_check_finds_something_in_the_sample_and_nothing_in_no_text(name: str) -> None:
    assert (await CHECKS[name].inspect(SAMPLES["everything"], {})).finding is Finding.FOUND
    if name != "style":  # which misses what must be said
        assert (await CHECKS[name].inspect(SAMPLES["nothing"], {})).finding is Finding.CLEAR
        assert (await CHECKS[name].inspect(SAMPLES["ordinary"], {})).finding is Finding.CLEAR


@pytest.mark.parametrize("name", answers())
async def test_findings_say_what_and_where_and_clear_signals_nothing(name: str) -> None:
    for sample in SAMPLES.values():
        signal = await CHECKS[name].inspect(sample, {})
        found = signal.finding is Finding.FOUND
        assert bool(signal.kinds) == bool(signal.fields) == bool(signal.because) == found
        assert signal.kinds == sorted(set(signal.kinds))
        assert set(signal.kinds) <= set(answers()[name].kinds)
        assert signal.fields == sorted(set(signal.fields))


@pytest.mark.parametrize("name", CHECKS)
async def test_a_signal_quotes_nothing_of_what_was_looked_at(name: str) -> None:
    shown = (await CHECKS[name].inspect(SAMPLES["everything"], {})).model_dump_json().casefold()
    assert [value for value in CONTENT_OF_EVERYTHING if value.casefold() in shown] == []


async def test_the_same_content_gives_the_same_signals_here_and_in_other_processes_locales_and_time_zones() -> None:
    here = await signals()
    assert await signals() == here
    for locale, zone, seed in (("tr_TR.UTF-8", "Pacific/Kiritimati", "1"), ("C", "America/St_Johns", "2")):
        done = subprocess.run(  # noqa: ASYNC221  the only thing this test does
            [sys.executable, "-m", "tests.adapters.checks.samples"],
            cwd=CHECKOUT,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": locale, "TZ": zone, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert json.loads(done.stdout) == here


class Unreadable(list[tuple[str, str]]):
    """Texts that cannot be read."""

    def __iter__(self) -> Any:
        raise RuntimeError("windmills")


@pytest.mark.parametrize("name", CHECKS)
async def test_a_check_that_fails_gives_no_answer_and_quotes_nothing(name: str) -> None:
    broken = replace(SAMPLES["everything"], texts=Unreadable())
    signal = (await inspect(broken, "clerk", [CheckUse(check=name)], PORT))[name]
    assert signal.finding is Finding.UNKNOWN
    assert signal.because
    assert "windmills" not in signal.because


@pytest.mark.parametrize("name", CHECKS)
async def test_settings_that_a_check_does_not_know_are_refused_by_name_and_give_no_answer(name: str) -> None:
    (problem,) = CHECKS[name].problems_in_settings({"strictness": 3})
    assert problem.startswith(f"strictness: the check '{name}' has no such setting")
    assert list(CHECKS[name].problems_in_settings({})) == []
    signal = (await inspect(content("hi"), "clerk", [CheckUse(check=name, settings={"strictness": 3})], PORT))[name]
    assert signal.finding is Finding.UNKNOWN


@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", answers())
@pytest.mark.parametrize("unit", HOSTILE)
async def test_a_hostile_text_of_the_largest_size_is_answered(name: str, unit: str) -> None:
    """Time that grew with the square of the length would not end within the limit: it would take minutes."""
    text = (unit * (65_536 // len(unit) + 1))[:65_536]
    hostile = content(
        arguments={"to": text, "body": text}, sources={"page": text[:32_000]}, style={"templates": ["a {{b}} c"]}
    )
    settings = {"region": "DE"} if name == "personal_data" else {}
    assert (await CHECKS[name].inspect(hostile, settings)).finding is not Finding.UNKNOWN


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"guardrails": {"checks": [{"check": "secret"}]}},
            "guardrails.checks[0].check: no check 'secret'; did you mean 'secrets'?",
        ),
        (
            {
                "guardrails": {
                    "checks": [{"check": "links"}, {"check": "personal_data", "settings": {"kind": ["email"]}}]
                }
            },
            "guardrails.checks[1].settings: kind: the check 'personal_data' has no such setting; did you mean 'kinds'?",
        ),
        (
            {"guardrails": {"checks": [{"check": "personal_data", "settings": {"region": "Germany"}}]}},
            "guardrails.checks[0].settings: region: 'Germany' is no country with phone numbers; write its ISO code, "
            "such as DE or US",
        ),
        (
            {"guardrails": {"checks": [{"check": "injection", "settings": {"kinds": []}}]}},
            "guardrails.checks[0].settings: kinds: Tuple should have at least 1 item after validation, not 0",
        ),
        (
            {"use_cases": [{**DOCUMENT["use_cases"][0], "style": {"templates": ["Dear {{name"]}}]},
            "use_cases[0].style.templates[0]: has '{{' or '}}' that belong to no slot; write a slot as {{name}}",
        ),
    ],
)
def test_a_bundle_with_wrong_checks_is_refused_with_the_place(changes: dict[str, Any], problem: str) -> None:
    assert [str(each) for each in problems_in(Bundle.model_validate({**DOCUMENT, **changes}))] == [problem]

"""The same action, bundle and facts give the same judgement in any process, locale and time zone."""

import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
PROGRAM = """
import asyncio, hashlib
from activities.try_examples import tried
from adapters.checks import CHECKS
from domain.policy import Policy
from examples.marketing.demo import example_bundle

async def judged():
    policy = Policy(example_bundle(), "sha256:" + "0" * 64)
    return [(await tried(policy, example, CHECKS)).model_dump_json() for example in policy.bundle.tests]

found = asyncio.run(judged())
print(len(found), hashlib.sha256("".join(found).encode()).hexdigest())
"""
PLACES = [
    {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
    {"TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2"},
    {"TZ": "America/Los_Angeles", "LC_ALL": "POSIX", "PYTHONHASHSEED": "77"},
]


def test_a_judgement_is_the_same_in_every_process_locale_and_time_zone() -> None:
    answers = set()
    for place in PLACES:
        environment = {**os.environ, **place, "PYTHONPATH": str(CHECKOUT)}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, cwd=CHECKOUT, capture_output=True, text=True, check=True
        )
        answers.add(done.stdout)

    assert len(answers) == 1
    assert int(answers.pop().split()[0]) >= 10

from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest

from domain.errors import BundleInvalid
from local.stack import Stack
from tests.bundles import DOCUMENT, bundle


async def test_a_stack_does_not_load_a_policy_whose_tests_fail(home: Path, at_end: AsyncExitStack) -> None:
    (example,) = DOCUMENT["tests"]
    untrue = bundle(tests=[{**example, "expect": {**example["expect"], "route": "deny"}}])
    home.mkdir(mode=0o755)
    stack = Stack(home, untrue, headless=True)
    at_end.push_async_callback(stack.stop)

    with pytest.raises(BundleInvalid, match="test 'large-refund': expected route deny, got ask"):
        await stack.start()

    connection = await asyncpg.connect(stack.postgres.url("remit_owner"))
    assert await connection.fetchval("SELECT count(*) FROM policy_activation") == 0
    await connection.close()
    assert stack.pids == {}

"""One of the processes that race for a budget: `python -m tests.adapters.race URL SUBMISSIONS`.

It says `ready`, waits for a line, submits all at once, and says how many were let in.
"""

import asyncio
import sys

from pydantic import SecretStr

from adapters.database.actions import Actions
from adapters.database.connection import open_pool
from tests.payments import action, budget, guardrails, is_let_in, paying

BUDGET = 10
CONNECTIONS = 16


async def main(url: str, submissions: int) -> None:
    """Submit payments of 1 that share the budget, each to one of a few recipients with room enough of their own."""
    limits = guardrails(
        budgets=[*budget(BUDGET, per=["agent"]).budgets],
        rate_limits=[{"id": "rate", "per": ["recipient"], "limit": 1_000_000, "window": "1h"}],
    )
    pool = await open_pool(SecretStr(url), CONNECTIONS)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    payments = (is_let_in(Actions(pool), action(), limits, paying(to=[f"r{n % 7}"])) for n in range(submissions))
    print(sum(await asyncio.gather(*payments)), flush=True)
    await pool.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))

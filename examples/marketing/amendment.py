"""The chapter of the story in which the company changes its policy: proposed by one person, approved by two others.

Told twice, it proposes the other of two versions: what was active is not proposed again.
"""

from typing import Any

from adapters.policy_files import read_document
from examples.marketing import POLICY
from examples.marketing.agent import RemitClient, RemitProblem
from examples.marketing.demo import Demo
from examples.marketing.patience import until
from local.processes import StackError

TASK = "change-the-policy"
AUTHOR = "gita"
APPROVERS = (("dana", "page"), ("hugo", "api"))
_ACTIVE_SECONDS = 30.0


def other_version(demo: Demo, active: str) -> dict[str, Any]:
    """Return the stricter version of the bundle, or the one of the files where the stricter one is active."""
    document: dict[str, Any] = dict(read_document(POLICY))
    stricter = f"{demo.bundle.version}, refunds add up sooner"
    if active == stricter:
        return document
    sooner = {"when": "history.refunded_to_account > 4000000", "because": "This account got over 40,000.00 in a week."}
    rules = [
        {**rule, **sooner} if rule["id"] == "financial-refunds-add-up" else rule for rule in document["risk"]["rules"]
    ]
    return {**document, "version": stricter, "risk": {**document["risk"], "rules": rules}}


async def propose(demo: Demo, run: str) -> dict[str, Any]:
    """Have the author propose the other version, and try to approve it alone. Returns the proposal."""
    async with RemitClient(demo.api_url, demo.reviewer_tokens[AUTHOR]) as author:
        active = await author.policy()
        document = other_version(demo, active["version"])
        proposal = await author.propose(document, f"Refunds to one account are watched more closely (run {run})")
        await _try_alone(author, proposal["action"])
    return proposal


async def wait_until_active(demo: Demo, digest: str) -> str:
    """Return the version that is active once it is the one proposed. Raises TimeoutError."""
    async with RemitClient(demo.api_url, demo.admin_token) as admin:

        async def look() -> str | None:
            active = await admin.policy()
            return str(active["version"]) if active["digest"] == digest else None

        return await until(look, "the new policy to be active", _ACTIVE_SECONDS)


async def _try_alone(author: RemitClient, action_id: str) -> None:
    async def asked() -> dict[str, Any] | None:
        action = await author.get(action_id)
        return None if action["state"] == "assessing" else action

    action = await until(asked, "the proposal to be assessed", _ACTIVE_SECONDS)
    try:
        await author.vote(action_id, "approve", action["revision"]["digest"])
    except RemitProblem as problem:
        if problem.code not in ("self_approval", "already_decided"):
            raise
        return
    raise StackError(f"{AUTHOR} could approve a change of the policy that is their own")

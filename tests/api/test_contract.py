"""The OpenAPI document holds: whatever is sent, the answers are those it names."""

import asyncio
from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from adapters.policy_files import read_bundle
from domain.action import Submission
from domain.policy import Policy
from examples.marketing import POLICY
from tests.installation import Installation

_EXAMPLES = 12


async def test_the_api_answers_as_its_document_says(remit: Installation) -> None:
    """Send generated requests, good and bad, with each kind of token, and check every answer."""
    base = str(remit.http.base_url)
    document = (await remit.http.get("/openapi.json")).json()
    for who in ("clerk", "ann", "admin"):
        await asyncio.to_thread(_exercise, document, base, remit.client(who))
        await remit.lift_holds()  # an admin's generated requests place some


def _exercise(document: dict[str, Any], base: str, headers: dict[str, str]) -> None:
    schema = schemathesis.openapi.from_dict(document)
    operations: list[Any] = list(schema.get_all_operations())
    for found in operations:
        _try(found.ok(), base, headers)


def _try(operation: Any, base: str, headers: dict[str, str]) -> None:
    @settings(max_examples=_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy())
    def run(case: Any) -> None:
        if case.query and "wait" in case.query:
            case.query["wait"] = 0
        response = case.call(base_url=base, headers=headers, timeout=20)
        # The document says what a request looks like; the catalog, which changes, says which are admitted.
        case.validate_response(response, excluded_checks=[positive_data_acceptance])

    run()


async def test_the_documented_examples_fit_the_example_catalog(remit: Installation) -> None:
    policy = Policy(read_bundle(POLICY), "sha256:" + "0" * 64)
    document = (await remit.http.get("/openapi.json")).json()
    content = document["paths"]["/v1/actions"]["post"]["requestBody"]["content"]["application/json"]

    for example in content["examples"].values():
        submission = Submission.model_validate(example["value"])
        use_case = policy.use_cases[submission.use_case]
        assert policy.admit(use_case.agents[0], submission).use_case is use_case

"""Bundles that were stored stay usable: they were checked when they were stored, and not again."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from adapters.database.administration import activate_bundle
from adapters.database.policies import Policies, bundle_bytes
from domain.canonical import digest
from domain.catalog import Bundle, checked
from domain.errors import BundleInvalid
from local.postgres import EmbeddedPostgres
from tests.bundles import DOCUMENT
from tests.databases import fresh_database

STORED_ON = date(2026, 11, 23)
LATER = date(2028, 1, 1)
EXPIRING = {
    **DOCUMENT["use_cases"][0],
    "controls": {"dpia": {"required": True, "status": "approved", "reference": "D-1", "expires": "2026-12-31"}},
}
SOUND_THEN = Bundle.model_validate({**DOCUMENT, "use_cases": [EXPIRING, *DOCUMENT["use_cases"][1:]]})
BEFORE_THE_CHECKS = Bundle.model_validate(
    {name: value for name, value in DOCUMENT.items() if name not in ("policy_changes", "tests")}
)

EARLIER_VERSIONS = sorted((Path(__file__).parent / "stored_bundles").glob("*.json"))
"""Bundles as earlier versions stored them, byte for byte: they lack what bundles have learned since."""


@pytest.mark.parametrize("stored", [SOUND_THEN, BEFORE_THE_CHECKS], ids=["a control has expired since", "older than"])
async def test_a_stored_bundle_loads_although_it_would_be_refused_today(
    shared_postgres: EmbeddedPostgres, stored: Bundle
) -> None:
    with pytest.raises(BundleInvalid):
        checked(stored, LATER)
    database = await fresh_database(shared_postgres)
    async with database.pool("remit_owner") as pool:
        await activate_bundle(pool, stored, "operator")

        policy = await Policies(pool).load(digest(bundle_bytes(stored)))

    assert policy.bundle == stored


def test_the_bundle_was_sound_on_the_day_it_was_stored() -> None:
    assert checked(SOUND_THEN, STORED_ON) is SOUND_THEN


def within(stored: Any, loaded: Any) -> bool:
    """Say whether all that was stored is there in what was loaded, which may have more fields."""
    if isinstance(stored, dict):
        return all(name in loaded and within(value, loaded[name]) for name, value in stored.items())
    if isinstance(stored, list):
        return len(stored) == len(loaded) and all(map(within, stored, loaded))
    return bool(stored == loaded)


@pytest.mark.parametrize("path", EARLIER_VERSIONS, ids=[path.stem for path in EARLIER_VERSIONS])
async def test_a_bundle_that_an_earlier_version_stored_loads_under_its_digest_with_all_that_it_says(
    shared_postgres: EmbeddedPostgres, path: Path
) -> None:
    document = path.read_bytes()
    database = await fresh_database(shared_postgres)
    async with database.pool("remit_owner") as pool:
        await pool.execute(
            "INSERT INTO policy_bundle (digest, version, document) VALUES ($1, '1', $2)", digest(document), document
        )

        policy = await Policies(pool).load(digest(document))

    assert policy.ref.digest == digest(document)
    assert within(json.loads(document), json.loads(bundle_bytes(policy.bundle)))


def test_bundles_of_earlier_versions_are_kept() -> None:
    first, second = EARLIER_VERSIONS

    assert "guardrails" not in json.loads(first.read_bytes())
    assert json.loads(second.read_bytes())["guardrails"]["rate_limits"]

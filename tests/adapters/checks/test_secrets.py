"""`secrets`: credentials that have a form of their own are found; words about credentials are not.

The examples are put together from parts, so that none of them stands in this repository as a whole.
"""

import pytest

from tests.adapters.checks.contents import ORDINARY_MAIL, kinds

A36 = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7cF0hL3nR6"
HEX32 = "0123456789abcdef" * 2
FOUND = [
    ("sk-ant-" + "api03-" + A36, "anthropic_key"),
    ("Authorization: Bearer " + A36, "authorization_header"),
    ("AKIA" + "IOSFODNN7EXAMPLE", "aws_access_key"),
    ("aws_secret_access_key = " + A36 + "+/xY", "aws_secret_key"),
    ("abc8Q~" + A36[:34], "azure_client_secret"),
    ("AccountKey=" + "A" * 86 + "==", "azure_storage_key"),
    ("https://x.blob.example/c?sv=1&sig=" + A36 + "%2Bab%3D", "azure_shared_access"),
    ("dop_v1_" + HEX32 * 2, "digitalocean_token"),
    ("ghp_" + A36, "github_token"),
    ("github_pat_" + A36[:22] + "_" + A36 + A36[:23], "github_token"),
    ("glpat-" + A36[:20], "gitlab_token"),
    ("AIza" + A36[:35], "google_api_key"),
    ("GOCSPX-" + A36[:28], "google_oauth_token"),
    ("hf_" + A36[:34], "huggingface_token"),
    ("eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxMjM0In0" + ".abcdefghij", "jwt"),
    ("npm_" + A36, "npm_token"),
    ("sk-proj-" + A36, "openai_key"),
    ("-----BEGIN RSA " + "PRIVATE KEY-----\nMII", "private_key"),
    ("-----BEGIN OPENSSH " + "PRIVATE KEY-----", "private_key"),
    ("pypi-AgE" + A36 + A36, "pypi_token"),
    ("remit_agent_" + A36 + "abcdefg", "remit_token"),
    ("SG." + A36[:22] + "." + A36 + "1234567", "sendgrid_key"),
    ("shpat_" + HEX32, "shopify_token"),
    ("xoxb-" + "1234567890-abcdefghij", "slack_token"),
    ("https://hooks.slack.com/services/" + "T00000000/B00000000/" + A36[:24], "slack_webhook"),
    ("sk_live_" + A36[:24], "stripe_key"),
    ("123456789:AA" + A36[:33], "telegram_token"),
    ("SK" + HEX32, "twilio_key"),
    ("postgres://app:" + "hunter22@db.example/app", "url_password"),
    ("Password: " + "Summer2026!", "password"),
    ("your password is " + "hunter22.", "password"),
    ('{"api_key": "' + 'k9x!mmz"}', "password"),
    ("contraseña: " + "clave123", "password"),
    ("Passwort lautet " + "geheim99", "password"),
    ("client_secret=" + "x8Yv2pQz", "password"),
    ("pass\u200bword: " + "Summer2026!", "password"),
]
CLEAR = [
    ORDINARY_MAIL,
    "Please reset your password: it expires soon. The password is required. Password: see the letter.",
    "password: ******** or <password> or {{password}} or [redacted]",
    "Your API key is missing; an access token is short-lived. Token: https://docs.example/tokens",
    "Order 1234567890123456789012345678901234567890, digest 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
    "https://docs.example/login?user=ann and mailto:ann@docs.example and http://host:8080/path@home",
    "-----BEGIN CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----",
    "sk-learn, sk_test, ghp_, xoxb, AKIA, the eyJ prefix",
    "We moved 550e8400-e29b-41d4-a716-446655440000 to 2026-11-01T10:30:00Z",
]


@pytest.mark.parametrize(("text", "kind"), FOUND)
async def test_a_credential_is_found(text: str, kind: str) -> None:
    assert kind in await kinds("secrets", text)
    assert kind in await kinds("secrets", f"Here it is: {text}\nRegards")


@pytest.mark.parametrize("text", CLEAR)
async def test_words_about_credentials_are_none(text: str) -> None:
    assert await kinds("secrets", text) == []

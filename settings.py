"""Every setting of Remit, in one place.

Values come, first match wins, from the environment (`REMIT_...`), from files in `/run/secrets` named like
the setting (`remit_database_url`), and from `.remit/remit.env`, which the local stack writes.
"""

import os
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.sign_in import is_protected

HOME = Path(os.environ.get("REMIT_HOME", ".remit"))
_SECRETS = Path("/run/secrets")


def _issuer(url: str) -> str:
    if not is_protected(url) or "?" in url or "#" in url:
        raise ValueError("the issuer is an https:// address without '?' and '#' (http:// only on this machine)")
    return url


class System(BaseModel):
    """An outside system that `http.request` may call: the allow list is the set of these."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: HttpUrl
    token: SecretStr | None = None


class Settings(BaseSettings):
    """What a deployment decides; what a risk officer decides stands in the policy bundle instead."""

    model_config = SettingsConfigDict(
        env_prefix="REMIT_",
        env_file=HOME / "remit.env",
        env_nested_delimiter="__",
        secrets_dir=_SECRETS if _SECRETS.is_dir() else None,
        extra="ignore",
        frozen=True,
    )

    database_url: SecretStr = SecretStr("postgresql://remit_app@127.0.0.1:5432/remit")
    """The application's role: may add to the ledger, may not change or delete it."""
    ledger_database_url: SecretStr | None = None
    """The sequencer's role, the only one that may extend the hash chain. None: this worker does not sequence."""
    owner_database_url: SecretStr | None = None
    """The owner of the schema: `remit migrate`, `remit token create`, `remit policy activate` use it."""
    database_pool_size: Annotated[int, Field(ge=2, le=100)] = 10

    temporal_address: str = "127.0.0.1:7233"
    temporal_namespace: str = "default"
    temporal_tls: bool = False
    temporal_api_key: SecretStr | None = None
    temporal_ui_url: HttpUrl | None = None
    task_queue: str = "remit"

    api_host: str = "127.0.0.1"
    api_port: Annotated[int, Field(ge=1, le=65535)] = 8080
    public_url: HttpUrl = HttpUrl("http://127.0.0.1:8080")
    """Where people reach the API: links to the review page start with it."""
    worker_metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port of the worker's Prometheus page on `api_host`; 0 switches it off."""

    slack_bot_token: SecretStr | None = None
    """None: no Slack; reviewers use the review page."""
    slack_signing_secret: SecretStr | None = None
    slack_button_key: Annotated[SecretStr, Field(min_length=16)] | None = None
    """What seals the buttons of cards, the same for the API and the workers. None: derived from the bot token."""
    slack_app_token: SecretStr | None = None
    """Set: the API connects to Slack by Socket Mode, and needs neither a signing secret nor a public address."""
    slack_base_url: HttpUrl = HttpUrl("https://slack.com/api/")
    slack_usergroup_max_age_seconds: Annotated[float, Field(ge=60, le=86400)] = 900.0
    """How long what Slack said of a user group's members counts. It is read five times as often."""

    oidc_issuer: Annotated[str, AfterValidator(_issuer)] | None = None
    """The sign-in provider of the review page, precisely as it calls itself. None: people sign in by token or link."""
    oidc_client_id: Annotated[str, Field(min_length=1)] | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_person_claim: Annotated[str, Field(min_length=1)] = "email"
    """The claim that says who signed in: `email` is compared with people's addresses, any other with their ids."""
    step_up_max_age_seconds: Annotated[float, Field(ge=30, le=3600)] = 300.0
    """How long after signing in anew an approval counts, where the bundle asks for that."""

    systems: dict[str, System] = {}
    """Name to base URL and token of each system that `http.request` may call."""
    smtp_host: str | None = None
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 587
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_starttls: bool = True
    mail_from: str = "remit@localhost"
    email_after_seconds: Annotated[float, Field(ge=0, le=86400)] = 120.0
    """How long Slack may take to show an action to somebody before they get a mail instead."""

    policy_refresh_seconds: Annotated[float, Field(gt=0, le=60)] = 2.0
    """How long a process may go on using a bundle after another one was activated."""
    log_level: str = "info"
    log_json: bool = True

    @model_validator(mode="after")
    def _whole_sign_in(self) -> Self:
        if (self.oidc_issuer is None) != (self.oidc_client_id is None):
            raise ValueError("oidc_issuer and oidc_client_id go together: set both, or neither")
        return self

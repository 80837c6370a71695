"""Every setting of Remit, in one place.

Values come, first match wins, from the environment (`REMIT_...`), from files in `/run/secrets` named like
the setting (`remit_database_url`), and from `.remit/remit.env`, which the local stack writes.
"""

import os
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

HOME = Path(os.environ.get("REMIT_HOME", ".remit"))
_SECRETS = Path("/run/secrets")


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
    slack_base_url: HttpUrl = HttpUrl("https://slack.com/api/")
    slack_usergroup_max_age_seconds: Annotated[float, Field(ge=60, le=86400)] = 900.0
    """How long what Slack said of a user group's members counts. It is read five times as often."""

    systems: dict[str, System] = {}
    """Name to base URL and token of each system that `http.request` may call."""
    smtp_host: str | None = None
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 587
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_starttls: bool = True
    mail_from: str = "remit@localhost"

    policy_refresh_seconds: Annotated[float, Field(gt=0, le=60)] = 2.0
    """How long a process may go on using a bundle after another one was activated."""
    log_level: str = "info"
    log_json: bool = True

"""Who belongs to which Slack user group, as Slack said last.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE slack_usergroup (
    id text PRIMARY KEY,
    members text[] NOT NULL,
    confirmed_at timestamptz NOT NULL
)"""

GRANTS = (
    "REVOKE ALL ON slack_usergroup FROM PUBLIC",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON slack_usergroup TO remit_app",
)


def upgrade() -> None:
    for statement in (TABLE, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE slack_usergroup")

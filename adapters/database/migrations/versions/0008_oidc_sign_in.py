"""Sign-ins under way at a sign-in provider, and when somebody signed in anew.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE oidc_sign_in (
    state_hash bytea PRIMARY KEY,
    browser_hash bytea NOT NULL,
    nonce text NOT NULL,
    verifier text NOT NULL,
    wanted text NOT NULL,
    fresh boolean NOT NULL,
    expires_at timestamptz NOT NULL
)"""

COLUMN = "ALTER TABLE review_session ADD COLUMN stepped_up_at timestamptz"

GRANTS = (
    "REVOKE ALL ON oidc_sign_in FROM PUBLIC",
    "GRANT SELECT, INSERT, DELETE ON oidc_sign_in TO remit_app",
)


def upgrade() -> None:
    for statement in (TABLE, COLUMN, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("ALTER TABLE review_session DROP COLUMN stepped_up_at")
    op.execute("DROP TABLE oidc_sign_in")

"""Absences that people declare themselves, beside those of the policy; and what a person decided last.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE absence (
    person text PRIMARY KEY,
    first_day date NOT NULL,
    last_day date NOT NULL,
    delegate text,
    declared_at timestamptz NOT NULL,
    CHECK (first_day <= last_day),
    CHECK (delegate <> person)
)"""
INDEX = "CREATE INDEX assignment_decided ON assignment (person, decided_at) WHERE decided_at IS NOT NULL"

GRANTS = (
    "REVOKE ALL ON absence FROM PUBLIC",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON absence TO remit_app",
)


def upgrade() -> None:
    for statement in (TABLE, INDEX, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP INDEX assignment_decided")
    op.execute("DROP TABLE absence")

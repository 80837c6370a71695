"""Revisions of an action's arguments: proposed by a reviewer or by the agent, and made when the policy judged them.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# `number` is null until the revision is made: then the action's own columns are about it.
TABLE = """
CREATE TABLE revision (
    action text NOT NULL REFERENCES action (id),
    digest text NOT NULL,
    number integer CHECK (number > 0),
    arguments bytea NOT NULL,
    author_kind text NOT NULL CHECK (author_kind IN ('agent', 'person')),
    author text NOT NULL,
    door text NOT NULL,
    proposed_at timestamptz NOT NULL,
    made_at timestamptz,
    PRIMARY KEY (action, digest),
    UNIQUE (action, number)
)"""

# What an action counts for follows its revision. A function, so that the application can replace and never delete.
REPLACE = """
CREATE FUNCTION action_measure_replace(mine text, recipients text[], amount bigint, currency text, counted timestamptz)
    RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    DELETE FROM public.action_measure m WHERE m.action = mine AND NOT m.recipient = ANY (recipients);
    INSERT INTO public.action_measure (action, recipient, once, at, agent, use_case, action_type, amount, currency)
    SELECT a.id, r.recipient, r.number = 1, counted, a.agent, a.use_case, a.action_type, $3, $4
    FROM public.action a, unnest(recipients) WITH ORDINALITY AS r(recipient, number) WHERE a.id = mine
    ON CONFLICT (action, recipient) DO UPDATE
        SET once = excluded.once, at = excluded.at, amount = excluded.amount, currency = excluded.currency;
$$"""

GRANTS = (
    "REVOKE ALL ON revision FROM PUBLIC",
    "REVOKE ALL ON FUNCTION action_measure_replace FROM PUBLIC",
    "GRANT SELECT, INSERT, UPDATE ON revision TO remit_app",
    "GRANT EXECUTE ON FUNCTION action_measure_replace TO remit_app",
)


def upgrade() -> None:
    for statement in (TABLE, REPLACE, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP FUNCTION action_measure_replace")
    op.execute("DROP TABLE revision")

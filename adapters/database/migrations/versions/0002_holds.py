"""Holds, and when the attempt to execute that is under way began.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE hold (
    id text PRIMARY KEY,
    scope text NOT NULL CHECK (scope IN ('everything', 'agent', 'use_case', 'action_type')),
    subject text,
    reason text NOT NULL,
    placed_by text NOT NULL,
    placed_at timestamptz NOT NULL,
    lifted_by text,
    lift_reason text,
    lifted_at timestamptz,
    told_at timestamptz,
    lift_told_at timestamptz,
    CHECK ((scope = 'everything') = (subject IS NULL)),
    CHECK ((lifted_at IS NULL) = (lifted_by IS NULL) AND (lifted_at IS NULL) = (lift_reason IS NULL)),
    CHECK (lifted_at >= placed_at)
)"""

# One hold at a time over the same thing; also how the active ones are found.
ACTIVE = "CREATE UNIQUE INDEX hold_active ON hold (scope, coalesce(subject, '')) WHERE lifted_at IS NULL"
UNTOLD = """
CREATE INDEX hold_untold ON hold (placed_at)
    WHERE told_at IS NULL OR (lifted_at IS NOT NULL AND lift_told_at IS NULL)"""

# Set by the claim, taken away when the attempt ends: what is under way now, and what only may have happened before.
ATTEMPT = "ALTER TABLE action ADD COLUMN attempt_since timestamptz"

# A hold as the application reads it; whom the workers have told of it is theirs alone.
VALUE = """
CREATE FUNCTION hold_value(h hold) RETURNS jsonb LANGUAGE sql STABLE
    RETURN to_jsonb(h) - 'told_at' - 'lift_told_at'"""

COVERS = """
CREATE FUNCTION hold_covers(scope text, subject text, agent text, use_case text, action_type text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE scope WHEN 'everything' THEN true WHEN 'agent' THEN subject = agent
        WHEN 'use_case' THEN subject = use_case WHEN 'action_type' THEN subject = action_type END"""

# The gate of submissions and claims. Placing a hold takes the same lock exclusively (adapters/database/holds.py), so
# it waits for the claims under way, and a claim that waited for it must see it. That is why this is a VOLATILE
# function: in READ COMMITTED its query takes a snapshot of its own, after the lock was granted, while the statement
# that calls it goes on with the snapshot from before the wait.
GATE = """
CREATE FUNCTION active_hold(agent text, use_case text, action_type text) RETURNS jsonb LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    found jsonb;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'holds are exact in READ COMMITTED only; this is %', current_setting('transaction_isolation');
    END IF;
    PERFORM pg_catalog.pg_advisory_xact_lock_shared(1752132708);
    SELECT public.hold_value(h) INTO found FROM public.hold h
        WHERE h.lifted_at IS NULL
            AND public.hold_covers(h.scope, h.subject, active_hold.agent, active_hold.use_case, active_hold.action_type)
        ORDER BY h.placed_at LIMIT 1;
    RETURN found;
END $$"""

GRANTS = (
    "REVOKE ALL ON hold FROM PUBLIC",
    "REVOKE ALL ON FUNCTION hold_value, hold_covers, active_hold FROM PUBLIC",
    "GRANT SELECT, INSERT ON hold TO remit_app",
    "GRANT UPDATE (lifted_by, lift_reason, lifted_at, told_at, lift_told_at) ON hold TO remit_app",
    "GRANT EXECUTE ON FUNCTION hold_value, hold_covers, active_hold TO remit_app",
)


def upgrade() -> None:
    for statement in (TABLE, ACTIVE, UNTOLD, ATTEMPT, VALUE, COVERS, GATE, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("holds are part of what happened, and there is no way back: restore a backup instead")

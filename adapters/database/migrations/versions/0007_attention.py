"""Who was asked when, saw it when and decided when; and which actions are canaries.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# One row for each person and stage: `notified_at` is when they got a message of their own, `deferred_until` when they
# are to get it in a digest, `digest` names the digest it came in. Whoever votes unasked has a row without these.
ASSIGNMENT = """
CREATE TABLE assignment (
    action text NOT NULL REFERENCES action (id),
    person text NOT NULL,
    stage integer NOT NULL CHECK (stage > 0),
    notified_at timestamptz,
    seen_at timestamptz,
    decided_at timestamptz,
    decision text,
    deferred_until timestamptz,
    digest text,
    PRIMARY KEY (action, person, stage),
    CHECK ((decided_at IS NULL) = (decision IS NULL)),
    CHECK (digest IS NULL OR notified_at IS NOT NULL)
)"""
INDEXES = (
    "CREATE INDEX assignment_open ON assignment (person) WHERE decided_at IS NULL",
    "CREATE INDEX assignment_notified ON assignment (person, notified_at) WHERE notified_at IS NOT NULL",
)

# A trigger, so that no door through which people vote can forget it. It looks only at votes that are new: those that
# an edit voided were cast all the same.
DECIDED = """
CREATE FUNCTION assignment_decide() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public AS $$
DECLARE
    vote jsonb;
BEGIN
    FOR vote IN
        SELECT v FROM jsonb_array_elements(NEW.approval -> 'votes') v
        EXCEPT SELECT v FROM jsonb_array_elements(coalesce(OLD.approval -> 'votes', '[]')) v
    LOOP
        UPDATE public.assignment SET decided_at = (vote ->> 'at')::timestamptz, decision = vote ->> 'decision'
            WHERE action = NEW.id AND person = vote ->> 'person' AND decided_at IS NULL;
        IF NOT FOUND THEN
            INSERT INTO public.assignment (action, person, stage, decided_at, decision)
                VALUES (NEW.id, vote ->> 'person', coalesce((vote ->> 'stage')::integer, 1),
                    (vote ->> 'at')::timestamptz, vote ->> 'decision')
                ON CONFLICT DO NOTHING;
        END IF;
    END LOOP;
    RETURN NULL;
END $$"""
DECIDED_TRIGGER = """
CREATE TRIGGER assignment_decide AFTER UPDATE OF approval ON action
    FOR EACH ROW WHEN (NEW.approval -> 'votes' IS DISTINCT FROM OLD.approval -> 'votes')
    EXECUTE FUNCTION assignment_decide()"""

# The mark stands before its action does, so that there is no moment in which a canary passes for an action. That is
# why it refers to none. Nobody takes it away: there is no right to delete, nor to change whose it is.
CANARY = """
CREATE TABLE canary (
    action text PRIMARY KEY,
    planted_by text NOT NULL,
    planted_at timestamptz NOT NULL,
    result text CHECK (result IN ('caught', 'missed')),
    ended_at timestamptz,
    CHECK ((result IS NULL) = (ended_at IS NULL))
)"""

GRANTS = (
    "REVOKE ALL ON assignment, canary FROM PUBLIC",
    "REVOKE ALL ON FUNCTION assignment_decide FROM PUBLIC",
    "GRANT SELECT, INSERT, UPDATE ON assignment TO remit_app",
    "GRANT SELECT, INSERT ON canary TO remit_app",
    "GRANT UPDATE (result, ended_at) ON canary TO remit_app",
)


def upgrade() -> None:
    for statement in (ASSIGNMENT, *INDEXES, DECIDED, DECIDED_TRIGGER, CANARY, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("who was asked and which actions were canaries has no way back: restore a backup instead")

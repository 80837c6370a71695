"""Changes of the policy by an approved action, and by nothing else that the application can do.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

COLUMNS = (
    "ALTER TABLE policy_activation ADD COLUMN action text UNIQUE REFERENCES action (id)",
    "ALTER TABLE policy_bundle ADD CHECK (digest = 'sha256:' || encode(sha256(document), 'hex'))",
)

# The lock makes activations wait for each other, so that `replaces` is compared with what is active now. It is asked
# again by the same action after an answer that was lost: then it only says what it did. Neither json nor text has a
# place for NUL, which is why proposals hold none.
ACTIVATE = """
CREATE FUNCTION activate_policy(wanted_action text, wanted_digest text, OUT number bigint, OUT fresh boolean)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    change public.action;
    said json;
    active text;
BEGIN
    SELECT a.* INTO change FROM public.action a WHERE a.id = wanted_action AND a.action_type = 'policy.activate'
        FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no change of the policy is action %', wanted_action USING ERRCODE = 'RM001';
    END IF;
    said := convert_from(change.arguments, 'UTF8')::json;
    IF wanted_digest IS DISTINCT FROM said ->> 'bundle'
        OR change.digest IS DISTINCT FROM 'sha256:' || encode(sha256(change.arguments), 'hex') THEN
        RAISE EXCEPTION 'action % is about another bundle than %', wanted_action, wanted_digest
            USING ERRCODE = 'RM001';
    END IF;
    LOCK TABLE public.policy_activation IN SHARE ROW EXCLUSIVE MODE;
    SELECT p.number, false INTO number, fresh FROM public.policy_activation p WHERE p.action = wanted_action;
    IF FOUND THEN
        RETURN;
    END IF;
    IF change.state IS DISTINCT FROM 'executing' OR change.route IS DISTINCT FROM 'ask'
        OR change.approval ->> 'outcome' IS DISTINCT FROM 'approved'
        OR change.approval ->> 'revision' IS DISTINCT FROM change.digest
        OR change.context ->> 'on_behalf_of' IS DISTINCT FROM said ->> 'author' THEN
        RAISE EXCEPTION 'action % is not an approved change that is being executed', wanted_action
            USING ERRCODE = 'RM001';
    END IF;
    SELECT p.digest INTO active FROM public.policy_activation p ORDER BY p.number DESC LIMIT 1;
    IF active IS DISTINCT FROM said ->> 'replaces' THEN
        RAISE EXCEPTION 'another bundle was activated meanwhile: %', active USING ERRCODE = 'RM002';
    END IF;
    INSERT INTO public.policy_activation AS made (digest, activated_by, activated_at, action)
        VALUES (wanted_digest, said ->> 'author', clock_timestamp(), wanted_action)
        RETURNING made.number, true INTO number, fresh;
END $$"""

GRANTS = (
    "REVOKE ALL ON FUNCTION activate_policy(text, text) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION activate_policy(text, text) TO remit_app",
    "GRANT INSERT ON policy_bundle TO remit_app",
)


def upgrade() -> None:
    for statement in (*COLUMNS, ACTIVATE, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the record of who activated which bundle has no way back: restore a backup instead")

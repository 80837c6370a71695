"""Actions, the ledger, the policy, tokens and the review page's sessions.

Revision ID: 0001
Revises:
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE action (
    id text PRIMARY KEY,
    agent text NOT NULL,
    owner text NOT NULL,
    idempotency_key text NOT NULL,
    request_digest text NOT NULL,
    use_case text NOT NULL,
    action_type text NOT NULL,
    state text NOT NULL CHECK (state IN ('assessing', 'pending_approval', 'executing', 'succeeded', 'failed',
        'in_doubt', 'rejected', 'expired', 'denied', 'suggested', 'cancelled')),
    tier text CHECK (tier IN ('low', 'medium', 'high')),
    route text CHECK (route IN ('execute', 'ask', 'suggest', 'deny')),
    digest text NOT NULL,
    arguments bytea NOT NULL,
    context jsonb NOT NULL,
    judgement jsonb,
    approval jsonb,
    execution jsonb,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (agent, idempotency_key)
);
CREATE INDEX action_newest ON action (created_at DESC, id DESC);
CREATE INDEX action_open ON action (state, created_at) WHERE state IN ('assessing', 'pending_approval', 'executing');

CREATE TABLE notice (
    action text NOT NULL REFERENCES action (id),
    notifier text NOT NULL,
    target text NOT NULL,
    reference text NOT NULL,
    shown text NOT NULL,
    PRIMARY KEY (action, notifier, target)
);

CREATE TABLE policy_bundle (
    digest text PRIMARY KEY,
    version text NOT NULL,
    document bytea NOT NULL
);
CREATE TABLE policy_activation (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest text NOT NULL REFERENCES policy_bundle (digest),
    activated_by text NOT NULL,
    activated_at timestamptz NOT NULL
);

CREATE TABLE token (
    id text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('agent', 'reviewer', 'admin')),
    subject text NOT NULL,
    secret_hash bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE TABLE review_link (
    secret_hash bytea PRIMARY KEY,
    person text NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE TABLE review_session (
    secret_hash bytea PRIMARY KEY,
    person text NOT NULL,
    form_token text NOT NULL,
    expires_at timestamptz NOT NULL
);
"""

# Entries are written by whoever changes a state, in the same transaction and without any lock on the chain.
# A trigger, not the writer, puts each into ledger_pending, so that no entry can be left out of the chain;
# the sequencer takes them from there by primary key: identity values commit out of order, so "everything
# after the last id" would skip some.
LEDGER = """
CREATE TABLE ledger_entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL UNIQUE,
    kind text NOT NULL,
    action text,
    at timestamptz NOT NULL,
    body bytea NOT NULL CHECK (octet_length(body) < 65536)
);
CREATE INDEX ledger_entry_action ON ledger_entry (action, id) WHERE action IS NOT NULL;
CREATE TABLE ledger_secret (
    entry_key text NOT NULL,
    name text NOT NULL,
    salt bytea NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (entry_key, name)
);
CREATE TABLE ledger_pending (entry_id bigint PRIMARY KEY);
CREATE TABLE ledger_chain (
    number bigint PRIMARY KEY CHECK (number > 0),
    entry_id bigint NOT NULL UNIQUE,
    entry_hash bytea NOT NULL CHECK (octet_length(entry_hash) = 32),
    chain_hash bytea NOT NULL CHECK (octet_length(chain_hash) = 32)
);

CREATE FUNCTION ledger_enqueue() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public AS $$
BEGIN
    INSERT INTO public.ledger_pending (entry_id) SELECT id FROM written;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_entry_enqueue AFTER INSERT ON ledger_entry
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION ledger_enqueue();

CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % on % is refused', TG_OP, TG_TABLE_NAME;
END $$;
CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_chain_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_chain
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
"""

GRANTS = """
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC;
REVOKE ALL ON FUNCTION ledger_enqueue(), ledger_refuse() FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON action, notice TO remit_app;
GRANT SELECT, INSERT ON ledger_entry, ledger_secret TO remit_app;
GRANT SELECT ON ledger_pending, ledger_chain, policy_bundle, policy_activation, token TO remit_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON review_link, review_session TO remit_app;
GRANT SELECT ON ledger_entry TO remit_sequencer;
GRANT SELECT, DELETE ON ledger_pending TO remit_sequencer;
GRANT SELECT, INSERT ON ledger_chain TO remit_sequencer;
"""


def upgrade() -> None:
    for part in (TABLES, LEDGER, GRANTS):
        for statement in _statements(part):
            op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("the ledger is append-only and has no way back: restore a backup instead")


def _statements(text: str) -> list[str]:
    """Split at `;` line ends outside `$$` bodies: asyncpg prepares one statement at a time."""
    statements, current, inside = [], [], False
    for line in text.strip().splitlines():
        current.append(line)
        inside ^= line.count("$$") % 2 == 1
        if line.rstrip().endswith(";") and not inside:
            statements.append("\n".join(current))
            current = []
    return statements

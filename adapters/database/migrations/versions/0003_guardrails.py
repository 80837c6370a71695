"""What actions count for, and the functions that add it up: for limits, under their locks, and for history.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# One row for each recipient of an action, and one for an action without any. `once` is true in one of an action's
# rows: those rows are what is added up where recipients do not matter.
MEASURE = """
CREATE TABLE action_measure (
    action text NOT NULL,
    recipient text NOT NULL,
    once boolean NOT NULL,
    at timestamptz NOT NULL,
    agent text NOT NULL,
    use_case text NOT NULL,
    action_type text NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    currency text NOT NULL,
    PRIMARY KEY (action, recipient)
)"""
INDEXES = (
    "CREATE INDEX action_measure_recipient ON action_measure (recipient, at)",
    "CREATE INDEX action_measure_agent ON action_measure (agent, at) WHERE once",
    "CREATE INDEX action_measure_use_case ON action_measure (use_case, at) WHERE once",
    "CREATE INDEX action_measure_action_type ON action_measure (action_type, at) WHERE once",
)

EXCEEDED = "ALTER TABLE action ADD COLUMN exceeded jsonb"

# What ends without an effect counts no longer. A trigger, so that no way of ending an action can forget it.
FORGET = """
CREATE FUNCTION action_measure_forget() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public AS $$
BEGIN
    DELETE FROM public.action_measure WHERE action = NEW.id;
    RETURN NULL;
END $$"""
FORGET_TRIGGER = """
CREATE TRIGGER action_measure_forget AFTER UPDATE OF state ON action
    FOR EACH ROW WHEN (NEW.state IN ('denied', 'suggested', 'rejected', 'expired', 'cancelled', 'failed'))
    EXECUTE FUNCTION action_measure_forget()"""

# `Tally` of domain/guardrails.py and, with the last four, `Use`.
TALLY = """
CREATE TYPE tally AS (id text, of text, agents text[], use_cases text[], action_types text[], recipients text[],
    currency text, seconds double precision, weight bigint, key text, "limit" bigint, on_exceed text, stops boolean)"""

# A NULL stands for all. The functions below plan with the values at hand (force_custom_plan), so that what is NULL
# drops out of the condition and an index carries the rest.
_ADDED = """FROM public.action_measure m
        WHERE m.at > until - make_interval(secs => t.seconds) AND m.action <> mine
            AND CASE WHEN t.recipients IS NULL THEN m.once ELSE m.recipient = ANY (t.recipients) END
            AND (t.agents IS NULL OR m.agent = ANY (t.agents))
            AND (t.use_cases IS NULL OR m.use_case = ANY (t.use_cases))
            AND (t.action_types IS NULL OR m.action_type = ANY (t.action_types))
            AND (t.currency = '' OR m.currency IN ('', t.currency))"""
_RECIPIENT = "CASE WHEN t.recipients IS NULL THEN '' ELSE m.recipient END"
_WEIGHT = "CASE t.of WHEN 'amount' THEN m.amount ELSE 1 END"

TOTAL = f"""
CREATE FUNCTION tally_total(t public.tally, until timestamptz, mine text) RETURNS bigint
    LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    RETURN coalesce((SELECT max(total) FROM (
        SELECT least(sum({_WEIGHT}), 9000000000000000000) AS total
        {_ADDED}
        GROUP BY {_RECIPIENT}
    ) AS each), 0);
END $$"""

# When so much has left the window that the action fits. NULL when it never does.
ROOM = f"""
CREATE FUNCTION tally_room(t public.tally, until timestamptz, mine text) RETURNS timestamptz
    LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    RETURN (SELECT max(room) FROM (
        SELECT min(at) FILTER (WHERE total - gone + t.weight <= t."limit") + make_interval(secs => t.seconds) AS room
        FROM (
            SELECT recipient, at, sum(weight) OVER (PARTITION BY recipient) AS total,
                sum(weight) OVER (PARTITION BY recipient ORDER BY at, action) AS gone
            FROM (SELECT {_RECIPIENT} AS recipient, m.at, m.action, {_WEIGHT} AS weight {_ADDED}) AS counted
        ) AS running
        GROUP BY recipient HAVING max(total) + t.weight > t."limit"
    ) AS each);
END $$"""

# The limits that an action would go over. Whoever counts under the same key waits here until the others that do are
# through, and only then looks: VOLATILE, so that each of its queries takes a snapshot of its own after the locks were
# granted, while the statement that calls it goes on with the snapshot from before. Keys share 256 locks, so that an
# action with thousands of recipients does not take thousands; they are taken in order, so that none wait for each
# other. STRICT: without uses it is not even called.
OVER_LIMIT = """
CREATE FUNCTION over_limit(uses jsonb, now timestamptz, mine text)
    RETURNS TABLE (id text, on_exceed text, stops boolean, room_at timestamptz)
    LANGUAGE plpgsql VOLATILE STRICT AS $$
DECLARE
    t public.tally;
    lock_number int;
    until timestamptz;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'limits are exact in READ COMMITTED only; this is %', current_setting('transaction_isolation');
    END IF;
    FOR lock_number IN
        SELECT DISTINCT hashtext(concat_ws(chr(31), u.id, u.key, recipient)) & 255
        FROM jsonb_populate_recordset(NULL::public.tally, uses) u LEFT JOIN unnest(u.recipients) recipient ON true
        ORDER BY 1
    LOOP
        PERFORM pg_advisory_xact_lock(1819110772, lock_number);
    END LOOP;
    until := greatest(now, (SELECT max(m.at) FROM public.action_measure m WHERE m.action = mine));
    FOR t IN SELECT * FROM jsonb_populate_recordset(NULL::public.tally, uses) LOOP
        IF public.tally_total(t, until, mine) + t.weight > t."limit" THEN
            RETURN QUERY SELECT t.id, t.on_exceed, t.stops, public.tally_room(t, until, mine);
        END IF;
    END LOOP;
END $$"""

GRANTS = (
    "REVOKE ALL ON action_measure FROM PUBLIC",
    "REVOKE ALL ON FUNCTION action_measure_forget, tally_total, tally_room, over_limit FROM PUBLIC",
    "GRANT SELECT, INSERT ON action_measure TO remit_app",
    "GRANT UPDATE (at) ON action_measure TO remit_app",
    "GRANT EXECUTE ON FUNCTION tally_total, tally_room, over_limit TO remit_app",
)


def upgrade() -> None:
    for statement in (
        MEASURE,
        *INDEXES,
        EXCEEDED,
        FORGET,
        FORGET_TRIGGER,
        TALLY,
        TOTAL,
        ROOM,
        OVER_LIMIT,
        *GRANTS,
    ):
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("limits count what happened, and there is no way back: restore a backup instead")

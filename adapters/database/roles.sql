-- The three login roles of Remit, and who may enter the database this script runs in.
--
-- Run it once as an administrator, connected to Remit's empty database, before the first migration; running
-- it again changes nothing. It sets no passwords. In production give each role a way to log in, for example
--     ALTER ROLE remit_app PASSWORD '...';
-- or certificates, or your cloud's IAM. What each role may do with each table is granted by the migration
-- that creates the table.

-- Owns the schema: runs migrations and the administrator's commands. No process that serves requests has it.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'remit_owner') THEN
        CREATE ROLE remit_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
    END IF;
END $$;

-- The API and the workers: may add to the ledger, may neither change nor delete what is in it.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'remit_app') THEN
        CREATE ROLE remit_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
    END IF;
END $$;

-- The sequencer: the only role that may extend the ledger's hash chain.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'remit_sequencer') THEN
        CREATE ROLE remit_sequencer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
    END IF;
END $$;

-- Only these three may connect, and only the owner may create anything.
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I OWNER TO remit_owner', current_database());
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO remit_owner, remit_app, remit_sequencer',
                   current_database());
END $$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

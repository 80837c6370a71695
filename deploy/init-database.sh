#!/bin/sh
# Run once by the PostgreSQL image, on an empty data folder: Remit's three roles, Temporal's role and databases.
#
# The passwords are read by psql itself, so that they stand in no process list.
set -eu

secrets=${SECRETS_FOLDER:-/run/secrets}
roles=${ROLES_SQL:-/deploy/roles.sql}

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --file "$roles"

SECRETS_FOLDER="$secrets" psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\set owner_password `cat "$SECRETS_FOLDER/remit_owner_password"`
\set app_password `cat "$SECRETS_FOLDER/remit_app_password"`
\set sequencer_password `cat "$SECRETS_FOLDER/remit_sequencer_password"`
\set temporal_password `cat "$SECRETS_FOLDER/temporal_password"`
ALTER ROLE remit_owner PASSWORD :'owner_password';
ALTER ROLE remit_app PASSWORD :'app_password';
ALTER ROLE remit_sequencer PASSWORD :'sequencer_password';
CREATE ROLE temporal LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'temporal_password';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
REVOKE ALL ON DATABASE temporal, temporal_visibility FROM PUBLIC;
SQL

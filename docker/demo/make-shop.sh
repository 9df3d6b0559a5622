#!/bin/sh
# Run by the entrypoint of PostgreSQL's image once it has made the cluster: a sample database, and
# the role that takes backups (secrets/pg_user.txt), as README.md makes it on a host.
set -eu

psql -qX -v ON_ERROR_STOP=1 -U postgres -d postgres <<'SQL'
\getenv password POSTGRES_PASSWORD
CREATE ROLE backup LOGIN BYPASSRLS CONNECTION LIMIT 8 PASSWORD :'password';
GRANT pg_read_all_data TO backup;
ALTER ROLE backup SET default_transaction_read_only = on;
ALTER ROLE backup SET lo_compat_privileges = on;
CREATE DATABASE shop;
SQL
psql -qX -o /dev/null -U postgres -d shop -f /demo/shop.sql

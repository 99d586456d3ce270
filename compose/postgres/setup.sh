#!/usr/bin/env bash
# Roles, their passwords, the database and who may enter it, with nothing but psql. Safe to repeat: a repetition sets
# what the files say now, so it is also how a password is changed. `securenet setup` does the same.
#
#   PGHOST, PGPORT, PGUSER …   the server and its superuser, as psql reads them
#   SECRETS/postgres-superuser the superuser's password, unless PGPASSWORD has it
#   SECRETS/postgres-ROLE      the password of each role: one line, at least 16 characters
#   SQL                        where roles.sql and database.sql are
#   DATABASE                   its name (securenet)
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
sql=${SQL:-$here/../../migrations}
secrets=${SECRETS:?names the folder of passwords}
database=${DATABASE:-securenet}
export PGDATABASE=postgres
if [[ -z ${PGPASSWORD:-} && -s $secrets/postgres-superuser ]]; then
    PGPASSWORD=$(<"$secrets/postgres-superuser")
    export PGPASSWORD
fi

say() { printf 'setup: %s\n' "$*" >&2; }
run() { psql --no-psqlrc --quiet --output=/dev/null --set=ON_ERROR_STOP=1 "$@"; }

roles=(migrator writer relay projector reader doctor replication)
for role in "${roles[@]}"; do
    password=$(cat -- "$secrets/postgres-$role") || { say "there is no $secrets/postgres-$role"; exit 1; }
    ((${#password} >= 16)) || { say "the password of $role has fewer than 16 characters"; exit 1; }
done

run --file="$sql/roles.sql"
for role in "${roles[@]}"; do
    # Read by psql itself: on a command line everybody could see it. And no log keeps the statement that carries it.
    PASSWORD=$(cat -- "$secrets/postgres-$role") ROLE=$role run <<'TEXT'
\getenv password PASSWORD
\getenv role ROLE
BEGIN;
SET LOCAL log_statement = 'none';
SET LOCAL log_min_duration_statement = -1;
SET LOCAL log_min_error_statement = 'panic';
SET LOCAL pg_stat_statements.track = 'none';
SET LOCAL password_encryption = 'scram-sha-256';
ALTER ROLE :"role" PASSWORD :'password';
COMMIT;
TEXT
    say "role $role: password set"
done

run --set=database="$database" <<'TEXT'
SELECT format('CREATE DATABASE %I OWNER migrator', :'database')
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
ALTER DATABASE :"database" OWNER TO migrator;
TEXT
PGDATABASE=$database run --file="$sql/database.sql"
say "database $database: ready for the migrations (securenet migrate)"

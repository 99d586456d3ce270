#!/usr/bin/env bash
# A streaming standby. Its first start copies the primary into PGDATA; every later one goes on from there.
#
#   PRIMARY_HOST, PRIMARY_PORT  whom to follow
#   SECRETS/postgres-replication  the password of the role `replication`
#   SLOT  the name under which the primary keeps its log for this standby (standby_1); one for each
set -euo pipefail

secrets=${SECRETS:?names the folder of passwords}
primary="host=${PRIMARY_HOST:?names the primary} port=${PRIMARY_PORT:-5432} user=replication"
slot=${SLOT:-standby_1}
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)

# The image begins as root, and Postgres does not run as root.
if ((EUID == 0)); then
    install -d -m 0700 -o postgres -g postgres -- "$PGDATA"
    exec gosu postgres "$BASH" "${BASH_SOURCE[0]}"
fi

if [[ ! -s $PGDATA/PG_VERSION ]]; then
    mkdir -p -m 0700 -- "$PGDATA"
    PGPASSWORD=$(<"$secrets/postgres-replication")
    export PGPASSWORD
    until pg_isready --quiet --dbname="$primary"; do sleep 1; done
    # A copy that was interrupted left its slot behind; what it left in PGDATA is no database.
    psql --no-psqlrc --quiet "$primary replication=true" \
        --command="DROP_REPLICATION_SLOT $slot" 2>/dev/null || true
    find "$PGDATA" -mindepth 1 -delete
    # -R writes standby.signal and how to reach the primary, password included, into PGDATA, which is Postgres's alone.
    pg_basebackup --dbname="$primary application_name=$slot" --pgdata="$PGDATA" --write-recovery-conf \
        --create-slot --slot="$slot" --wal-method=stream --checkpoint=fast
    unset PGPASSWORD
fi
exec postgres -c config_file="$here/postgresql.conf" -c hba_file="$here/pg_hba.conf"

-- The roles of a cluster and how each may use its time. Run once per cluster by a superuser, before the first
-- migration; safe to repeat. Passwords are set by whoever runs the cluster and never stand here.
--
--   migrator   owns every table and function, and does nothing else
--   writer     command-api: appends events, keeps accounts
--   relay      publishes the log: it reads it, and keeps how far it has come
--   projector  reads the log, writes read models
--   reader     query-api: reads read models of one tenant at a time
--   doctor     `securenet doctor`: the server's own statistics, and no row of anybody's
--   replication  standbys: copies the whole log of the server, and enters no database
--
-- One statement of a client's takes no longer than its class allows: 5 s for a reader, 10 s for a writer, 60 s for the
-- projector. An export, which may take 60 s, sets that for its own transaction (SET LOCAL statement_timeout).
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['migrator', 'writer', 'relay', 'projector', 'reader', 'doctor', 'replication'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I', name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- Another session created it between the question and the answer.
            END;
        END IF;
    END LOOP;
END
$$;

ALTER ROLE migrator LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION;
ALTER ROLE writer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION;
ALTER ROLE relay LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION;
ALTER ROLE projector LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION;
ALTER ROLE reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION;

-- The writer only looks up by index. Planned on young tables, the append function's statements would become
-- sequential scans, and the cached plans would stay while the tables grow (a third of the speed, getting worse).
ALTER ROLE writer SET enable_seqscan = off;
ALTER ROLE writer SET enable_hashjoin = off;
ALTER ROLE writer SET enable_mergejoin = off;
ALTER ROLE writer SET enable_bitmapscan = off;
ALTER ROLE writer SET jit = off;
ALTER ROLE writer SET plan_cache_mode = force_generic_plan;

-- A stalled writer holds others up for no longer than this.
ALTER ROLE writer SET lock_timeout = '1s';
ALTER ROLE writer SET statement_timeout = '10s';
ALTER ROLE writer SET idle_in_transaction_session_timeout = '5s';

ALTER ROLE projector SET lock_timeout = '10s';
ALTER ROLE projector SET statement_timeout = '60s';
ALTER ROLE projector SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE projector SET jit = off;
-- It looks up by index alone, too, on tables that are young in every new deployment.
ALTER ROLE projector SET enable_seqscan = off;
ALTER ROLE projector SET enable_hashjoin = off;
ALTER ROLE projector SET enable_mergejoin = off;
ALTER ROLE projector SET enable_bitmapscan = off;
ALTER ROLE projector SET plan_cache_mode = force_generic_plan;

ALTER ROLE relay SET lock_timeout = '5s';
ALTER ROLE relay SET statement_timeout = '30s';
ALTER ROLE relay SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE relay SET jit = off;
-- The same trap as the writer's.
ALTER ROLE relay SET enable_seqscan = off;
ALTER ROLE relay SET enable_hashjoin = off;
ALTER ROLE relay SET enable_mergejoin = off;
ALTER ROLE relay SET enable_bitmapscan = off;
ALTER ROLE relay SET plan_cache_mode = force_generic_plan;

ALTER ROLE reader SET lock_timeout = '1s';
ALTER ROLE reader SET statement_timeout = '5s';
ALTER ROLE reader SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE reader SET jit = off;

-- `securenet doctor` looks at the server's statistics and settings; of ours it sees which migrations were applied, and
-- no row of anybody's.
ALTER ROLE doctor LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION CONNECTION LIMIT 3;
ALTER ROLE doctor SET lock_timeout = '1s';
ALTER ROLE doctor SET statement_timeout = '15s';
ALTER ROLE doctor SET idle_in_transaction_session_timeout = '15s';
ALTER ROLE doctor SET default_transaction_read_only = on;
GRANT pg_monitor TO doctor;

-- Migrations and the indexes of a rebuild take as long as they take; but whoever forgot a transaction lets go.
ALTER ROLE migrator SET statement_timeout = 0;
ALTER ROLE migrator SET idle_in_transaction_session_timeout = '10min';

ALTER ROLE replication LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS REPLICATION;

-- Who may enter this database. Run in it by a superuser after roles.sql; safe to repeat. What each role may do inside is
-- the migrations' affair.
DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO migrator, writer, relay, projector, reader, doctor', current_database());
END
$$;
-- Clusters that were upgraded from before version 15 let everybody create here.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

-- Statements by their cost, for `securenet doctor`; counted once shared_preload_libraries names it.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_stat_statements') THEN
        CREATE SCHEMA IF NOT EXISTS monitoring;
        CREATE EXTENSION IF NOT EXISTS pg_stat_statements SCHEMA monitoring;
        GRANT USAGE ON SCHEMA monitoring TO doctor;
    END IF;
END
$$;

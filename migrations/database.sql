-- Who may enter this database. Run in it by a superuser after roles.sql; safe to repeat. What each role may do inside is
-- the migrations' affair.
DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO migrator, writer, relay, projector, reader, doctor', current_database());
END
$$;

-- Statements by their cost, for `securenet doctor`. It needs shared_preload_libraries; without it the view only says so.
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;

-- Generations of read models, each in a schema of its own: read_g<n>.<table>. A projection's statements name tables alone
-- and find them by search_path, so that one program fills any generation with SQL that was checked when it was built.
-- Routes go on reading the views read.<table>.

-- ------------------------------------------------------------------------------------------------------------ what there is

-- What each projection consists of; `{schema}` stands for the generation's schema. A later migration that changes a
-- projection's tables changes its row here, and the next generation is made that way.
CREATE TABLE read.projections (
    projection text PRIMARY KEY,
    tables_ddl text NOT NULL,
    guarded_ddl text NOT NULL DEFAULT '', -- what follows once policies, grants and thresholds are there
    index_ddl text NOT NULL DEFAULT ''    -- apart, so that a rebuild can load first and index afterwards
);
CREATE TABLE read.projection_tables (
    table_name text PRIMARY KEY,
    projection text NOT NULL,
    readable boolean NOT NULL -- has a view and a policy for `reader`; the others are the projection's own memory
);

INSERT INTO read.projections (projection, tables_ddl, index_ddl)
SELECT p, regexp_replace(read.ddl_of(p), 'read\.(\w+)_g\{g\}', '{schema}.\1', 'g'),
       coalesce(regexp_replace(regexp_replace(read.index_ddl_of(p), 'read\.(\w+)_g\{g\}', '{schema}.\1', 'g'), '(\w+)_g\{g\}_', '\1_', 'g'), '')
FROM unnest(ARRAY['devices', 'findings', 'scans', 'users', 'api_keys', 'organizations', 'summary', 'audit_trail']) AS p;
INSERT INTO read.projection_tables (table_name, projection, readable)
SELECT t.table_name, p.projection, t.readable FROM read.projections p CROSS JOIN LATERAL read.tables_of(p.projection) t;
-- Few rows that change with every batch: vacuumed early, so that their updates stay on their page.
UPDATE read.projections SET guarded_ddl = '
    ALTER TABLE {schema}.finding_counts SET (autovacuum_vacuum_threshold = 500, autovacuum_analyze_threshold = 500);
    ALTER TABLE {schema}.daily_counts SET (autovacuum_vacuum_threshold = 500, autovacuum_analyze_threshold = 500);'
WHERE projection = 'summary';
-- Operators list organizations through a function of the owner's, which FORCE would otherwise blind.
UPDATE read.projections SET guarded_ddl = '
    CREATE POLICY migrator_lists ON {schema}.organizations FOR SELECT TO migrator USING (true);'
WHERE projection = 'organizations';

-- Which generations there are and what each is for. One projection has one live generation.
--
--   filling  folds the log from its beginning; its indexes come when it has caught up
--   ready    caught up and indexed: it can be switched to
--   live     what the views read
--   standby  was live; goes on tailing, so that a switch back loses nothing
--   scratch  a partial fold that a verification compares with; never switched to
--   retired  its tables are gone
CREATE TABLE read.generations (
    projection text NOT NULL,
    generation integer NOT NULL CHECK (generation > 0),
    apply_version smallint NOT NULL, -- of the program that fills it; no other version touches it
    state text NOT NULL CHECK (state IN ('filling', 'ready', 'live', 'standby', 'scratch', 'retired')),
    paused boolean NOT NULL DEFAULT false,
    frozen boolean NOT NULL DEFAULT false, -- live, but no running program has its apply_version: served as it is
    created_at timestamptz NOT NULL DEFAULT now(),
    indexed_at timestamptz,
    live_since timestamptz,
    retired_at timestamptz,
    tailed_at timestamptz NOT NULL DEFAULT now(), -- when a program that fills it last said so
    PRIMARY KEY (projection, generation)
);
CREATE UNIQUE INDEX generations_one_live ON read.generations (projection) WHERE state = 'live';
INSERT INTO read.generations (projection, generation, apply_version, state, indexed_at, live_since)
SELECT projection, generation, 1, 'live', since, since FROM read.live_generations;

DROP VIEW read.live_checkpoints;
DROP TABLE read.live_generations;
CREATE VIEW read.live_generations WITH (security_invoker = true) AS
    SELECT projection, generation, live_since AS since FROM read.generations WHERE state = 'live';
CREATE VIEW read.live_checkpoints WITH (security_invoker = true) AS
    SELECT projection, generation, partition, epoch, seq, applied_at FROM read.checkpoints JOIN read.live_generations USING (projection, generation);

-- The last event of each tenant that a generation has applied: what the tag of a list and the key of a cached answer name.
CREATE TABLE read.tenant_seqs (
    projection text NOT NULL,
    generation integer NOT NULL,
    tenant_id uuid NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (tenant_id, projection, generation)
) WITH (fillfactor = 50);

-- The partition a tenant's events lie in for ever: SHA-256 of its id, first eight bytes, big-endian, mod 64.
CREATE FUNCTION read.partition_of(tenant uuid) RETURNS smallint
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS $$
    SELECT (get_byte(sha256(uuid_send(tenant)), 7) & 63)::smallint
$$;

CREATE FUNCTION read.schema_of(generation integer) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$ SELECT 'read_g' || generation $$;

-- -------------------------------------------------------------------------------------------------- the first generation moves

CREATE SCHEMA read_g1;
GRANT USAGE ON SCHEMA read_g1 TO projector, reader;
DO $$
DECLARE
    old text;
BEGIN
    FOR old IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'read'::regnamespace AND c.relkind = 'r' AND c.relname ~ '_g1$' LOOP
        EXECUTE format('ALTER TABLE read.%I SET SCHEMA read_g1', old);
        EXECUTE format('ALTER TABLE read_g1.%I RENAME TO %I', old, regexp_replace(old, '_g1$', ''));
    END LOOP;
    FOR old IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'read_g1'::regnamespace AND c.relkind = 'i' AND c.relname ~ '_g1_' LOOP
        EXECUTE format('ALTER INDEX read_g1.%I RENAME TO %I', old, replace(old, '_g1_', '_'));
    END LOOP;
END
$$;

-- --------------------------------------------------------------------------------------------------------- making and switching

DROP FUNCTION read.create_generation(text, integer), read.index_generation(text, integer), read.route_generation(text, integer);
DROP FUNCTION read.guard(text, boolean), read.tables_of(text), read.ddl_of(text), read.index_ddl_of(text), read.totals_ddl(text);

CREATE FUNCTION read.guard(schema_name text, table_name text, readable boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    EXECUTE format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', schema_name, table_name);
    EXECUTE format('CREATE POLICY projector_all ON %I.%I FOR ALL TO projector USING (true) WITH CHECK (true)', schema_name, table_name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I.%I TO projector', schema_name, table_name);
    IF readable THEN
        EXECUTE format($policy$CREATE POLICY reader_own_tenant ON %I.%I FOR SELECT TO reader
            USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))$policy$, schema_name, table_name);
        EXECUTE format('GRANT SELECT ON %I.%I TO reader', schema_name, table_name);
    END IF;
    EXECUTE format('ALTER TABLE %I.%I SET (
        autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000)', schema_name, table_name);
END $$;

DO $$
BEGIN
    PERFORM read.guard('read', 'tenant_seqs', true), read.guard('read', 'generations', false);
    PERFORM read.guard('read', 'projections', false), read.guard('read', 'projection_tables', false);
END
$$;
-- They say nothing about any tenant.
CREATE POLICY reader_all ON read.generations FOR SELECT TO reader USING (true);
GRANT SELECT ON read.generations, read.live_generations, read.live_checkpoints TO reader, projector;
-- Generations come and go through the owner's functions alone; definitions through migrations.
REVOKE INSERT, DELETE ON read.generations FROM projector;
REVOKE INSERT, UPDATE, DELETE ON read.projections, read.projection_tables FROM projector;
CREATE POLICY migrator_all ON read.generations FOR ALL TO migrator USING (true) WITH CHECK (true);
CREATE POLICY migrator_all ON read.tenant_seqs FOR ALL TO migrator USING (true) WITH CHECK (true);
CREATE POLICY migrator_all ON read.projections FOR ALL TO migrator USING (true) WITH CHECK (true);
CREATE POLICY migrator_all ON read.projection_tables FOR ALL TO migrator USING (true) WITH CHECK (true);
CREATE POLICY migrator_all ON read.parked_streams FOR ALL TO migrator USING (true) WITH CHECK (true);
CREATE POLICY migrator_all ON read.parked_events FOR ALL TO migrator USING (true) WITH CHECK (true);
ALTER TABLE read.generations SET (autovacuum_vacuum_threshold = 500, autovacuum_analyze_threshold = 500);
ALTER TABLE read.tenant_seqs SET (autovacuum_vacuum_threshold = 500, autovacuum_analyze_threshold = 500);

CREATE POLICY migrator_reads ON store.log_epochs FOR SELECT TO migrator USING (true);

-- Makes the tables of a generation with their policies and grants, without indexes, and its checkpoints at zero.
CREATE FUNCTION read.create_generation(of_projection text, new_generation integer, of_version smallint, as_state text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    definition record;
    owned record;
    home text := read.schema_of(new_generation);
BEGIN
    SELECT * INTO definition FROM read.projections p WHERE p.projection = of_projection;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no projection %', of_projection USING ERRCODE = 'undefined_object';
    END IF;
    IF as_state NOT IN ('filling', 'scratch') THEN
        RAISE EXCEPTION 'a generation does not begin as %', as_state USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO read.generations (projection, generation, apply_version, state) VALUES (of_projection, new_generation, of_version, as_state);
    EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', home);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO projector, reader', home);
    EXECUTE replace(definition.tables_ddl, '{schema}', home);
    FOR owned IN SELECT * FROM read.projection_tables t WHERE t.projection = of_projection LOOP
        PERFORM read.guard(home, owned.table_name, owned.readable);
    END LOOP;
    EXECUTE replace(definition.guarded_ddl, '{schema}', home);
    INSERT INTO read.checkpoints (projection, generation, partition) SELECT of_projection, new_generation, p FROM generate_series(0, 63) AS p;
END $$;

-- Builds what is only needed to be read. Whoever calls it turns its statement_timeout off first.
CREATE FUNCTION read.index_generation(of_projection text, of_generation integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE read.generations g SET indexed_at = clock_timestamp()
        WHERE g.projection = of_projection AND g.generation = of_generation AND g.indexed_at IS NULL AND g.state = 'filling';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'generation % of % is not waiting for its indexes', of_generation, of_projection USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    EXECUTE (SELECT replace(p.index_ddl, '{schema}', read.schema_of(of_generation)) FROM read.projections p WHERE p.projection = of_projection);
END $$;

-- Points the views at a generation that has applied all that the live one has; the one before stands by. The caller's
-- transaction has locked the live checkpoints, so that this stays true to its commit.
CREATE FUNCTION read.switch_generation(of_projection text, to_generation integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    owned record;
    behind bigint;
BEGIN
    PERFORM FROM read.generations g WHERE g.projection = of_projection ORDER BY g.generation FOR UPDATE;
    PERFORM FROM read.generations g WHERE g.projection = of_projection AND g.generation = to_generation AND g.state IN ('ready', 'standby');
    IF NOT FOUND THEN
        RAISE EXCEPTION 'generation % of % is neither ready nor standing by', to_generation, of_projection USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT count(*) INTO behind
        FROM read.live_generations l
        JOIN read.checkpoints live ON live.projection = l.projection AND live.generation = l.generation
        JOIN read.checkpoints next ON next.projection = l.projection AND next.generation = to_generation AND next.partition = live.partition
        WHERE l.projection = of_projection AND next.seq < live.seq
          -- A checkpoint that a restore took back is ahead of nothing.
          AND NOT EXISTS (SELECT FROM store.log_epochs e
                          WHERE e.partition = live.partition AND e.epoch > live.epoch AND e.first_seq <= live.seq);
    IF behind > 0 THEN
        RAISE EXCEPTION 'generation % of % is behind in % partitions', to_generation, of_projection, behind USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    UPDATE read.generations g SET state = 'standby', frozen = false WHERE g.projection = of_projection AND g.state = 'live';
    UPDATE read.generations g SET state = 'live', live_since = clock_timestamp() WHERE g.projection = of_projection AND g.generation = to_generation;
    FOR owned IN SELECT * FROM read.projection_tables t WHERE t.projection = of_projection AND t.readable LOOP
        EXECUTE format('CREATE OR REPLACE VIEW read.%I WITH (security_invoker = true) AS SELECT * FROM %I.%I',
            owned.table_name, read.schema_of(to_generation), owned.table_name);
        EXECUTE format('GRANT SELECT ON read.%I TO reader, projector', owned.table_name);
    END LOOP;
END $$;

-- Drops the tables of a generation that nobody reads, and all that was noted about it. Its number is not used again.
CREATE FUNCTION read.retire_generation(of_projection text, of_generation integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    owned record;
BEGIN
    UPDATE read.generations g SET state = 'retired', retired_at = clock_timestamp()
        WHERE g.projection = of_projection AND g.generation = of_generation AND g.state NOT IN ('live', 'retired');
    IF NOT FOUND THEN
        RAISE EXCEPTION 'generation % of % is live or gone', of_generation, of_projection USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    -- Behind whoever is applying to it, and before whoever would.
    PERFORM FROM read.checkpoints c WHERE c.projection = of_projection AND c.generation = of_generation ORDER BY c.partition FOR UPDATE;
    DELETE FROM read.checkpoints c WHERE c.projection = of_projection AND c.generation = of_generation;
    DELETE FROM read.parked_events e WHERE e.projection = of_projection AND e.generation = of_generation;
    DELETE FROM read.parked_streams s WHERE s.projection = of_projection AND s.generation = of_generation;
    DELETE FROM read.tenant_seqs t WHERE t.projection = of_projection AND t.generation = of_generation;
    FOR owned IN SELECT * FROM read.projection_tables t WHERE t.projection = of_projection LOOP
        EXECUTE format('DROP TABLE %I.%I', read.schema_of(of_generation), owned.table_name);
    END LOOP;
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA read FROM PUBLIC;
GRANT EXECUTE ON FUNCTION read.create_generation(text, integer, smallint, text), read.index_generation(text, integer),
    read.switch_generation(text, integer), read.retire_generation(text, integer) TO projector;
GRANT EXECUTE ON FUNCTION read.partition_of(uuid), read.schema_of(integer) TO projector, reader;

-- Whoever knows a database could otherwise call these with arguments of their own.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA store FROM PUBLIC;
DO $$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'store'::regnamespace AND p.proname IN ('append', 'refuse_change') LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO writer', f);
    END LOOP;
END
$$;

-- What operators decided about projections, and what came of it. Decisions are events of the deployment; the internal
-- projection `operations` writes them down here, and whichever projector claims one carries it out.
--
-- These tables are no generation's: they hold outcomes, which no log could give back.

CREATE TABLE read.operations (
    operation_id uuid PRIMARY KEY,
    decision uuid NOT NULL,             -- the event, or a number of the schedule's own
    projection text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('rebuild', 'switch', 'retire', 'pause', 'resume', 'verify', 'repair', 'retry', 'skip')),
    generation integer,                 -- none: the live one, or all there are
    switch_after boolean NOT NULL,      -- of a rebuild
    first_partition smallint,           -- of a verification or a repair; none: drawn when it begins
    last_partition smallint,
    of_tenant uuid,                     -- of a parked stream
    stream_id uuid,
    skipped_event uuid,
    reason text,
    requested_by text NOT NULL,         -- the actor, or `schedule`
    requested_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('requested', 'running', 'done', 'failed')),
    step text NOT NULL DEFAULT '',
    attempt integer NOT NULL DEFAULT 0, -- whoever acts names it: a process stopped for long has lost its claim
    claimed_by uuid,                    -- the process
    claimed_until timestamptz,
    events_done bigint NOT NULL DEFAULT 0,
    events_total bigint NOT NULL DEFAULT 0,
    step_began_at timestamptz,          -- with what was done then, what rates follow from
    step_began_done bigint NOT NULL DEFAULT 0,
    outcome text,                       -- a sentence; never a value of a tenant
    started_at timestamptz,
    finished_at timestamptz
) WITH (fillfactor = 50);
CREATE INDEX operations_open ON read.operations (projection, requested_at, operation_id) WHERE state IN ('requested', 'running');
CREATE INDEX operations_by_request ON read.operations (requested_at, operation_id);

-- Events that a projection leaves out, in every generation that has not applied them yet.
CREATE TABLE read.skips (
    projection text NOT NULL,
    partition smallint NOT NULL,
    event_id uuid NOT NULL,
    reason text NOT NULL,
    skipped_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (projection, partition, event_id)
);

DO $$ BEGIN PERFORM read.guard('read', 'operations', false), read.guard('read', 'skips', false); END $$;
CREATE POLICY migrator_reads ON read.operations FOR SELECT TO migrator USING (true);
ALTER TABLE read.operations SET (autovacuum_vacuum_threshold = 200, autovacuum_analyze_threshold = 200);

-- A repair or a retried stream changes rows without moving a seq: the tag of an answer names this beside the generation.
ALTER TABLE read.generations ADD COLUMN repairs integer NOT NULL DEFAULT 0;

-- Whether operators want a generation to rest: the last thing they said of it, or of all there were at that time.
CREATE FUNCTION read.is_to_rest(of_projection text, of_generation integer) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT coalesce((
        SELECT o.kind = 'pause'
        FROM read.operations o JOIN read.generations g ON g.projection = o.projection AND g.generation = of_generation
        WHERE o.projection = of_projection AND o.kind IN ('pause', 'resume')
          AND (o.generation = of_generation OR o.generation IS NULL AND o.requested_at >= g.created_at)
        ORDER BY o.requested_at DESC, o.operation_id DESC LIMIT 1), false)
$$;

-- ------------------------------------------------------------------------------------------------------------ filling and folding

-- After a load, so that the first queries are planned by what is there.
CREATE FUNCTION read.analyze_generation(of_projection text, of_generation integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    owned record;
BEGIN
    FOR owned IN SELECT * FROM read.projection_tables t WHERE t.projection = of_projection LOOP
        EXECUTE format('ANALYZE %I.%I', read.schema_of(of_generation), owned.table_name);
    END LOOP;
END $$;

-- A fold to compare with has no number of its own: nothing is left of it, so that the next one may use it again.
CREATE FUNCTION read.drop_scratch(of_projection text, of_generation integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM FROM read.generations g WHERE g.projection = of_projection AND g.generation = of_generation AND g.state = 'scratch' FOR UPDATE;
    IF FOUND THEN
        PERFORM read.retire_generation(of_projection, of_generation);
        DELETE FROM read.generations g WHERE g.projection = of_projection AND g.generation = of_generation;
    END IF;
END $$;

-- --------------------------------------------------------------------------------------------------------- comparing and mending

-- A row's key as a log may show it: ids and numbers as they are, texts (which are a tenant's) as a hash.
CREATE FUNCTION read.key_expression(of_table regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT string_agg(CASE WHEN a.atttypid IN ('uuid'::regtype, 'bigint'::regtype, 'integer'::regtype, 'smallint'::regtype, 'date'::regtype, 'boolean'::regtype)
                           THEN format('t.%I::text', a.attname) ELSE format('left(md5(t.%I::text), 12)', a.attname) END,
                      ' || ''/'' || ' ORDER BY k.place)
    FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    WHERE i.indrelid = of_table AND i.indisprimary
$$;

-- How two rows of one key are matched.
CREATE FUNCTION read.key_match(of_table regclass) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT string_agg(format('s.%1$I = t.%1$I', a.attname), ' AND ' ORDER BY k.place)
    FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
    WHERE i.indrelid = of_table AND i.indisprimary
$$;

-- Count and sum of the hashes of a table's rows of one partition; equal for equal rows in whatever order. Columns go by
-- name, since an older generation may have them in another order.
CREATE FUNCTION read.digest_rows(of_generation integer, table_name text, of_partition smallint, OUT row_count bigint, OUT hash text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
BEGIN
    EXECUTE format('SELECT count(*), coalesce(sum(hashtextextended(to_jsonb(t)::text, 0)), 0)::text FROM %I.%I t WHERE read.partition_of(t.tenant_id) = $1',
        read.schema_of(of_generation), table_name) INTO row_count, hash USING of_partition;
END $$;

CREATE FUNCTION read.hash_rows(of_generation integer, table_name text, of_partition smallint) RETURNS TABLE (key text, hash bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
    whole text := format('%I.%I', read.schema_of(of_generation), table_name);
BEGIN
    RETURN QUERY EXECUTE format('SELECT (%s) COLLATE "C", hashtextextended(to_jsonb(t)::text, 0) FROM %s t WHERE read.partition_of(t.tenant_id) = $1 ORDER BY 1, 2',
        read.key_expression(whole::regclass), whole) USING of_partition;
END $$;

-- Makes a table's rows of one partition equal to those of another generation, touching none that are. Answers how many
-- rows were wrong.
CREATE FUNCTION read.mend_rows(of_generation integer, from_generation integer, table_name text, of_partition smallint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    wrong text := format('%I.%I', read.schema_of(of_generation), table_name);
    good text := format('%I.%I', read.schema_of(from_generation), table_name);
    same_key text := read.key_match(format('%I.%I', read.schema_of(of_generation), table_name)::regclass);
    names text := (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
                   WHERE a.attrelid = wrong::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '');
    changed bigint;
    superfluous bigint;
    missing bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM %s t JOIN %s s ON %s WHERE read.partition_of(t.tenant_id) = $1 AND to_jsonb(s) <> to_jsonb(t)',
        wrong, good, same_key) INTO changed USING of_partition;
    EXECUTE format('DELETE FROM %s t WHERE read.partition_of(t.tenant_id) = $1
                    AND NOT EXISTS (SELECT FROM %s s WHERE %s AND to_jsonb(s) = to_jsonb(t))', wrong, good, same_key) USING of_partition;
    GET DIAGNOSTICS superfluous = ROW_COUNT;
    EXECUTE format('INSERT INTO %s (%s) SELECT %s FROM %s s WHERE read.partition_of(s.tenant_id) = $1
                    AND NOT EXISTS (SELECT FROM %s t WHERE %s)', wrong, names, names, good, wrong, same_key) USING of_partition;
    GET DIAGNOSTICS missing = ROW_COUNT;
    -- A changed row was both deleted and inserted.
    RETURN superfluous + missing - changed;
END $$;

-- Transactions of readers that are under way: what they see was settled before now. Pids and numbers alone.
CREATE FUNCTION read.readers_under_way() RETURNS TABLE (pid integer, transaction text)
LANGUAGE sql VOLATILE SET search_path = pg_catalog AS $$
    SELECT l.pid, l.virtualtransaction FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'virtualxid' AND l.granted AND a.usename = 'reader' AND a.datname = current_database()
$$;

-- ------------------------------------------------------------------------------------------------------------- for operators only

-- How far each generation is behind the log: counted in events, and since when the oldest of them waits.
CREATE POLICY migrator_reads ON store.events FOR SELECT TO migrator USING (true);
CREATE POLICY migrator_reads ON store.partition_head FOR SELECT TO migrator USING (true);
CREATE FUNCTION read.lag_of_generations() RETURNS TABLE (projection text, generation integer, lag_events bigint, oldest timestamptz, parked_streams bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT c.projection, c.generation, sum(greatest(h.seq - c.seq, 0))::bigint,
           min((SELECT e.recorded_at FROM store.events e WHERE e.partition = c.partition AND e.seq = c.seq + 1)),
           sum(c.parked_streams)::bigint
    FROM read.checkpoints c JOIN store.partition_head h ON h.partition = c.partition
    GROUP BY c.projection, c.generation
$$;

-- One, those of a projection, those that wait or run: the newest first.
CREATE FUNCTION read.find_operations(by_id uuid, of_projection text, only_open boolean, page_limit integer) RETURNS SETOF read.operations
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT * FROM read.operations o
    WHERE (by_id IS NULL OR o.operation_id = by_id) AND (of_projection IS NULL OR o.projection = of_projection)
      AND (NOT only_open OR o.state IN ('requested', 'running'))
    ORDER BY o.requested_at DESC, o.operation_id DESC LIMIT least(page_limit, 501)
$$;

CREATE FUNCTION read.list_parked(of_projection text, after_generation integer, after_tenant uuid, after_stream uuid, page_limit integer)
RETURNS TABLE (generation integer, tenant uuid, stream_id uuid, kind text, partition smallint, first_seq bigint, first_event uuid,
               because_of uuid, reason text, parked_at timestamptz, waiting bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT s.generation, s.tenant_id, s.stream_id, s.kind, s.partition, s.first_seq,
           (SELECT e.event_id FROM read.parked_events e WHERE e.projection = s.projection AND e.generation = s.generation
               AND e.partition = s.partition AND e.seq = s.first_seq),
           s.because_of, s.reason, s.parked_at,
           (SELECT count(*) FROM (SELECT FROM read.parked_events e WHERE e.projection = s.projection AND e.generation = s.generation
               AND e.tenant_id = s.tenant_id AND e.stream_id = s.stream_id LIMIT 10000) AS counted)
    FROM read.parked_streams s
    WHERE s.projection = of_projection
      AND (after_generation IS NULL OR (s.generation, s.tenant_id, s.stream_id) > (after_generation, after_tenant, after_stream))
    ORDER BY s.generation, s.tenant_id, s.stream_id LIMIT least(page_limit, 501)
$$;

CREATE FUNCTION read.count_parked(of_projection text, bound integer) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT count(*) FROM (SELECT FROM read.parked_streams s WHERE s.projection = of_projection LIMIT bound) AS counted
$$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA read FROM PUBLIC;
GRANT EXECUTE ON FUNCTION read.is_to_rest(text, integer), read.analyze_generation(text, integer), read.drop_scratch(text, integer),
    read.key_expression(regclass), read.key_match(regclass), read.digest_rows(integer, text, smallint), read.hash_rows(integer, text, smallint),
    read.mend_rows(integer, integer, text, smallint), read.readers_under_way() TO projector;
GRANT EXECUTE ON FUNCTION read.lag_of_generations(), read.find_operations(uuid, text, boolean, integer),
    read.list_parked(text, integer, uuid, uuid, integer), read.count_parked(text, integer) TO reader;

-- -------------------------------------------------------------------------------------------------------- the internal projection

INSERT INTO read.projections (projection, tables_ddl) VALUES ('operations', '');
DO $$
BEGIN
    PERFORM read.create_generation('operations', 1, 1::smallint, 'filling');
    PERFORM read.index_generation('operations', 1);
    UPDATE read.generations SET state = 'ready' WHERE projection = 'operations' AND generation = 1;
    PERFORM read.switch_generation('operations', 1);
END
$$;

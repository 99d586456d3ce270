-- The event store: the append-only truth, the rows that order it, and the one function that appends to it.

CREATE SCHEMA store;
GRANT USAGE ON SCHEMA store TO writer, relay, projector, reader;

-- One row a partition: its lock is held to the commit, so allocation order = commit order = visibility order.
CREATE TABLE store.partition_head (
    partition   smallint PRIMARY KEY CHECK (partition BETWEEN 0 AND 63),
    seq         bigint NOT NULL DEFAULT 0,
    recorded_at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
INSERT INTO store.partition_head (partition) SELECT generate_series(0, 63);

-- A restore or a promotion rewinds `seq` and would use numbers again: each begins an epoch here, from `first_seq` on.
CREATE TABLE store.log_epochs (
    epoch      integer NOT NULL CHECK (epoch > 0),
    partition  smallint NOT NULL CHECK (partition BETWEEN 0 AND 63),
    first_seq  bigint NOT NULL CHECK (first_seq > 0),
    started_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (partition, epoch)
);
INSERT INTO store.log_epochs (epoch, partition, first_seq) SELECT 1, generate_series(0, 63), 1;

CREATE TABLE store.events (
    partition      smallint NOT NULL,
    seq            bigint NOT NULL,
    tenant_id      uuid NOT NULL,
    stream_id      uuid NOT NULL,
    stream_version bigint NOT NULL,
    event_id       uuid NOT NULL,
    type           text NOT NULL,
    schema_version smallint NOT NULL,
    recorded_at    timestamptz NOT NULL,
    header         bytea NOT NULL,
    body           bytea CHECK (octet_length(body) <= 65536),
    meta           bytea CHECK (octet_length(meta) <= 8192),
    PRIMARY KEY (partition, seq),
    UNIQUE (partition, stream_id, stream_version)
) WITH (autovacuum_vacuum_insert_threshold = 200000, autovacuum_vacuum_insert_scale_factor = 0,
        autovacuum_analyze_threshold = 200000, autovacuum_analyze_scale_factor = 0,
        autovacuum_vacuum_threshold = 200000, autovacuum_vacuum_scale_factor = 0);

CREATE FUNCTION store.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the event log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON store.events
    FOR EACH STATEMENT EXECUTE FUNCTION store.refuse_change();

-- The row that the version check needs anyway also carries a rolling snapshot and what streams are looked up by.
CREATE TABLE store.streams (
    stream_id    uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL,
    kind         text NOT NULL,
    version      bigint NOT NULL,
    fold_version smallint NOT NULL,
    state        bytea NOT NULL,
    parent_id    uuid,
    lane         text,
    open         boolean NOT NULL,
    due_at       timestamptz
) WITH (fillfactor = 80, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_scale_factor = 0,
        autovacuum_analyze_threshold = 100000, autovacuum_analyze_scale_factor = 0,
        autovacuum_vacuum_insert_threshold = 200000, autovacuum_vacuum_insert_scale_factor = 0);
CREATE INDEX streams_open_below ON store.streams (tenant_id, parent_id, lane) WHERE open AND parent_id IS NOT NULL;
CREATE INDEX streams_due ON store.streams (due_at, stream_id) WHERE due_at IS NOT NULL;
-- A deployment has few organizations and many findings; this index holds only the former.
CREATE INDEX streams_organizations ON store.streams (stream_id) WHERE kind = 'organization';

CREATE TABLE store.reservations (
    tenant_id uuid NOT NULL,
    key       text NOT NULL CHECK (octet_length(key) <= 512),
    owner     uuid NOT NULL,
    PRIMARY KEY (tenant_id, key)
) WITH (autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_scale_factor = 0,
        autovacuum_vacuum_insert_threshold = 200000, autovacuum_vacuum_insert_scale_factor = 0);

CREATE TABLE store.tallies (
    tenant_id uuid NOT NULL,
    name      text NOT NULL,
    value     bigint NOT NULL DEFAULT 0,
    ceiling   bigint,
    PRIMARY KEY (tenant_id, name)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

-- First answers by command key, in two generations: expiry is a TRUNCATE of the older one, not a storm of DELETEs.
CREATE TABLE store.command_keys_0 (
    key         bytea PRIMARY KEY CHECK (octet_length(key) = 32),
    tenant_id   uuid NOT NULL,
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    answer      bytea NOT NULL CHECK (octet_length(answer) <= 4096),
    partition   smallint NOT NULL,
    seq         bigint NOT NULL
) WITH (autovacuum_vacuum_insert_threshold = 200000, autovacuum_vacuum_insert_scale_factor = 0);
CREATE TABLE store.command_keys_1 (LIKE store.command_keys_0 INCLUDING ALL)
    WITH (autovacuum_vacuum_insert_threshold = 200000, autovacuum_vacuum_insert_scale_factor = 0);
CREATE TABLE store.command_key_generation (
    singleton  boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    current    smallint NOT NULL DEFAULT 0 CHECK (current IN (0, 1)),
    started_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO store.command_key_generation DEFAULT VALUES;

-- Empties the older generation and makes it the current one, when the current is at least `p_keep` old.
-- So a key is kept for at least `p_keep` and at most twice as long. Answers whether it did.
CREATE FUNCTION store.rotate_command_keys(p_keep interval) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    older smallint;
BEGIN
    SELECT 1 - g.current INTO older FROM store.command_key_generation g
        WHERE g.started_at <= clock_timestamp() - p_keep FOR UPDATE SKIP LOCKED;
    IF older IS NULL THEN
        RETURN false;
    END IF;
    IF older = 0 THEN
        TRUNCATE store.command_keys_0;
    ELSE
        TRUNCATE store.command_keys_1;
    END IF;
    UPDATE store.command_key_generation SET current = older, started_at = clock_timestamp();
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION store.rotate_command_keys(interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION store.rotate_command_keys(interval) TO writer;

-- Appends a batch of commands: each is answered by itself, and one call is one transaction.
--
-- The caller puts at most one command per stream, reservation and command key into a batch. `c_*` has a place per
-- command; the other arrays name the command by its place (from 1). Event seqs follow the order of commands.
-- VOLATILE under READ COMMITTED: every statement after the lock sees what was committed before it.
--
-- verdict: 0 appended (first_seq..last_seq) · 1 known command key (answer, fingerprint, last_seq) ·
--          2 stream not at the expected version (stream, version = actual) · 3 reserved (detail = key, stream = owner) ·
--          4 tally full (detail = name, version = its place among that tally's refusals) ·
--          5 behind the head's clock (head_at) · 6 stamped ahead of this clock
CREATE FUNCTION store.append(
    p_stamp timestamptz,
    p_lock smallint[],
    c_partition smallint[], c_tenant uuid[], c_events integer[],
    k_command integer[], k_key bytea[], k_fingerprint bytea[], k_answer bytea[],
    s_command integer[], s_stream uuid[], s_kind text[], s_expected bigint[], s_version bigint[],
    s_fold smallint[], s_state bytea[], s_parent uuid[], s_lane text[], s_open boolean[], s_due timestamptz[],
    q_command integer[], q_stream uuid[], q_version bigint[],
    t_command integer[], t_tenant uuid[], t_key text[], t_owner uuid[],
    r_command integer[], r_tenant uuid[], r_key text[], r_owner uuid[],
    n_command integer[], n_name text[], n_delta bigint[], n_ceiling bigint[],
    e_command integer[], e_place integer[], e_stream uuid[], e_version bigint[], e_id uuid[], e_type text[],
    e_schema smallint[], e_header bytea[], e_body bytea[], e_meta bytea[]
) RETURNS TABLE (
    verdict smallint, first_seq bigint, last_seq bigint, stream uuid, version bigint, detail text,
    answer bytea, fingerprint bytea, head_at timestamptz, clock timestamptz
) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_variable
DECLARE
    n CONSTANT integer := cardinality(c_partition);
    heads bigint[];
    head_times timestamptz[];
    verdicts smallint[] := array_fill(0::smallint, ARRAY[n]);
    lasts bigint[] := array_fill(0::bigint, ARRAY[n]);
    streams uuid[] := array_fill(NULL::uuid, ARRAY[n]);
    versions bigint[] := array_fill(NULL::bigint, ARRAY[n]);
    details text[] := array_fill(NULL::text, ARRAY[n]);
    answers bytea[] := array_fill(NULL::bytea, ARRAY[n]);
    fingerprints bytea[] := array_fill(NULL::bytea, ARRAY[n]);
    generation smallint;
    now_here timestamptz;
    r record;
BEGIN
    -- 1. Lock the heads, in ascending order. Arrays are indexed by partition + 1.
    heads := array_fill(0::bigint, ARRAY[64]);
    head_times := array_fill('-infinity'::timestamptz, ARRAY[64]);
    FOR r IN SELECT h.partition, h.seq, h.recorded_at FROM store.partition_head h
             WHERE h.partition = ANY (p_lock) ORDER BY h.partition FOR UPDATE LOOP
        heads[r.partition + 1] := r.seq;
        head_times[r.partition + 1] := r.recorded_at;
    END LOOP;
    now_here := clock_timestamp();

    IF p_stamp > now_here + interval '1 second' THEN
        verdicts := array_fill(6::smallint, ARRAY[n]);
    ELSE
        FOR r IN SELECT c.place FROM unnest(c_partition) WITH ORDINALITY c(partition, place)
                 WHERE head_times[c.partition + 1] > p_stamp LOOP
            verdicts[r.place] := 5;
        END LOOP;
    END IF;

    -- 2. Known command keys have their first answer.
    IF cardinality(k_command) > 0 THEN
        FOR r IN SELECT k.command, coalesce(a.fingerprint, b.fingerprint) AS fingerprint,
                        coalesce(a.answer, b.answer) AS answer, coalesce(a.seq, b.seq) AS seq
                 FROM unnest(k_command, k_key) k(command, key)
                 LEFT JOIN store.command_keys_0 a ON a.key = k.key
                 LEFT JOIN store.command_keys_1 b ON b.key = k.key
                 WHERE a.key IS NOT NULL OR b.key IS NOT NULL LOOP
            verdicts[r.command] := 1;
            lasts[r.command] := r.seq;
            answers[r.command] := r.answer;
            fingerprints[r.command] := r.fingerprint;
        END LOOP;
    END IF;

    -- 3. Streams are at the version the command decided on. Another tenant's stream counts as not there.
    FOR r IN SELECT w.command, w.stream, coalesce(s.version, 0) AS version
             FROM unnest(s_command, s_stream, s_expected) w(command, stream, expected)
             LEFT JOIN store.streams s ON s.stream_id = w.stream
             WHERE verdicts[w.command] = 0
               AND (coalesce(s.version, 0) <> w.expected OR s.tenant_id <> c_tenant[w.command]) LOOP
        verdicts[r.command] := 2;
        streams[r.command] := r.stream;
        versions[r.command] := r.version;
    END LOOP;
    IF cardinality(q_command) > 0 THEN
        FOR r IN SELECT q.command, q.stream, coalesce(s.version, 0) AS version
                 FROM unnest(q_command, q_stream, q_version) q(command, stream, expected)
                 LEFT JOIN store.streams s ON s.stream_id = q.stream
                 WHERE verdicts[q.command] = 0
                   AND (coalesce(s.version, 0) <> q.expected OR s.tenant_id <> c_tenant[q.command]) LOOP
            verdicts[r.command] := 2;
            streams[r.command] := r.stream;
            versions[r.command] := r.version;
        END LOOP;
    END IF;

    -- 4. Reservations are free, or already this owner's.
    IF cardinality(t_command) > 0 THEN
        FOR r IN SELECT t.command, t.key, x.owner
                 FROM unnest(t_command, t_tenant, t_key, t_owner) t(command, tenant, key, owner)
                 JOIN store.reservations x ON x.tenant_id = t.tenant AND x.key = t.key
                 WHERE verdicts[t.command] = 0 AND x.owner <> t.owner LOOP
            verdicts[r.command] := 3;
            streams[r.command] := r.owner;
            details[r.command] := r.key;
        END LOOP;
    END IF;

    -- 5. Tallies stay within their ceiling, judged last, by running sum over the survivors.
    IF cardinality(n_command) > 0 THEN
        FOR r IN SELECT j.command, j.name, row_number() OVER (PARTITION BY j.tenant, j.name ORDER BY j.command) AS place
                 FROM (SELECT d.command, d.name, d.delta, c_tenant[d.command] AS tenant, y.ceiling,
                              coalesce(y.value, 0) + sum(d.delta)
                                  OVER (PARTITION BY c_tenant[d.command], d.name ORDER BY d.command) AS reached
                       FROM unnest(n_command, n_name, n_delta) d(command, name, delta)
                       LEFT JOIN store.tallies y ON y.tenant_id = c_tenant[d.command] AND y.name = d.name
                       WHERE verdicts[d.command] = 0) j
                 WHERE j.delta > 0 AND j.reached > j.ceiling LOOP
            verdicts[r.command] := 4;
            details[r.command] := r.name;
            versions[r.command] := r.place;
        END LOOP;
    END IF;

    -- 6. Number the survivors' events and write.
    SELECT array_agg(CASE WHEN z.ok THEN z.reached ELSE lasts[z.place] END ORDER BY z.place) INTO lasts
    FROM (SELECT c.place, c.verdict = 0 AS ok,
                 heads[c.partition + 1]
                     + sum(CASE WHEN c.verdict = 0 THEN c.events ELSE 0 END)
                         OVER (PARTITION BY c.partition ORDER BY c.place) AS reached
          FROM unnest(c_partition, c_events, verdicts) WITH ORDINALITY c(partition, events, verdict, place)) z;

    INSERT INTO store.events (partition, seq, tenant_id, stream_id, stream_version, event_id, type, schema_version,
                              recorded_at, header, body, meta)
    SELECT c_partition[e.command], lasts[e.command] - c_events[e.command] + e.place, c_tenant[e.command], e.stream,
           e.version, e.id, e.type, e.schema, p_stamp, e.header, e.body, e.meta
    FROM unnest(e_command, e_place, e_stream, e_version, e_id, e_type, e_schema, e_header, e_body, e_meta)
             e(command, place, stream, version, id, type, schema, header, body, meta)
    WHERE verdicts[e.command] = 0;

    INSERT INTO store.streams (stream_id, tenant_id, kind, version, fold_version, state, parent_id, lane, open, due_at)
    SELECT w.stream, c_tenant[w.command], w.kind, w.version, w.fold, w.state, w.parent, w.lane, w.open, w.due
    FROM unnest(s_command, s_stream, s_kind, s_expected, s_version, s_fold, s_state, s_parent, s_lane, s_open, s_due)
             w(command, stream, kind, expected, version, fold, state, parent, lane, open, due)
    WHERE w.expected = 0 AND verdicts[w.command] = 0;

    UPDATE store.streams s
    SET version = w.version, fold_version = w.fold, state = w.state, parent_id = w.parent, lane = w.lane,
        open = w.open, due_at = w.due
    FROM unnest(s_command, s_stream, s_expected, s_version, s_fold, s_state, s_parent, s_lane, s_open, s_due)
             w(command, stream, expected, version, fold, state, parent, lane, open, due)
    WHERE s.stream_id = w.stream AND w.expected > 0 AND verdicts[w.command] = 0;

    IF cardinality(r_command) > 0 THEN
        DELETE FROM store.reservations x
        USING unnest(r_command, r_tenant, r_key, r_owner) f(command, tenant, key, owner)
        WHERE x.tenant_id = f.tenant AND x.key = f.key AND x.owner = f.owner AND verdicts[f.command] = 0;
    END IF;
    IF cardinality(t_command) > 0 THEN
        INSERT INTO store.reservations (tenant_id, key, owner)
        SELECT t.tenant, t.key, t.owner
        FROM unnest(t_command, t_tenant, t_key, t_owner) t(command, tenant, key, owner)
        WHERE verdicts[t.command] = 0
          AND NOT EXISTS (SELECT FROM store.reservations x WHERE x.tenant_id = t.tenant AND x.key = t.key);
    END IF;
    IF cardinality(n_command) > 0 THEN
        INSERT INTO store.tallies AS y (tenant_id, name, value, ceiling)
        SELECT c_tenant[d.command], d.name, sum(d.delta), max(d.ceiling)
        FROM unnest(n_command, n_name, n_delta, n_ceiling) d(command, name, delta, ceiling)
        WHERE verdicts[d.command] = 0
        GROUP BY 1, 2
        ON CONFLICT (tenant_id, name)
            DO UPDATE SET value = y.value + excluded.value, ceiling = coalesce(excluded.ceiling, y.ceiling);
    END IF;
    IF cardinality(k_command) > 0 THEN
        SELECT g.current INTO generation FROM store.command_key_generation g;
        IF generation = 0 THEN
            INSERT INTO store.command_keys_0 (key, tenant_id, fingerprint, answer, partition, seq)
            SELECT k.key, c_tenant[k.command], k.fingerprint, k.answer, c_partition[k.command], lasts[k.command]
            FROM unnest(k_command, k_key, k_fingerprint, k_answer) k(command, key, fingerprint, answer)
            WHERE verdicts[k.command] = 0;
        ELSE
            INSERT INTO store.command_keys_1 (key, tenant_id, fingerprint, answer, partition, seq)
            SELECT k.key, c_tenant[k.command], k.fingerprint, k.answer, c_partition[k.command], lasts[k.command]
            FROM unnest(k_command, k_key, k_fingerprint, k_answer) k(command, key, fingerprint, answer)
            WHERE verdicts[k.command] = 0;
        END IF;
    END IF;

    UPDATE store.partition_head h
    SET seq = m.last, recorded_at = p_stamp
    FROM (SELECT c.partition, max(c.last) AS last
          FROM unnest(c_partition, verdicts, lasts) c(partition, verdict, last)
          WHERE c.verdict = 0 GROUP BY c.partition) m
    WHERE h.partition = m.partition;

    -- 7. One row a command.
    RETURN QUERY
    SELECT c.verdict, CASE WHEN c.verdict = 0 THEN c.last - c.events + 1 END,
           CASE WHEN c.verdict IN (0, 1) THEN c.last END, c.stream, c.version, c.detail, c.answer, c.fingerprint,
           CASE WHEN c.verdict = 5 THEN head_times[c.partition + 1] END, clock_timestamp()
    FROM unnest(verdicts, c_partition, c_events, lasts, streams, versions, details, answers, fingerprints)
             c(verdict, partition, events, last, stream, version, detail, answer, fingerprint);
END
$$;

-- Row-level security on everything: the owner is no way around it, and a role sees only what a policy names.
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['partition_head', 'log_epochs', 'events', 'streams', 'reservations', 'tallies',
                             'command_keys_0', 'command_keys_1', 'command_key_generation'] LOOP
        EXECUTE format('ALTER TABLE store.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY writer_all ON store.%I TO writer USING (true) WITH CHECK (true)', t);
    END LOOP;
END
$$;
-- The two functions above that run as the owner need its rows.
CREATE POLICY owner_rotates ON store.command_key_generation TO migrator USING (true) WITH CHECK (true);
CREATE POLICY relay_reads ON store.partition_head FOR SELECT TO relay, projector, reader USING (true);
CREATE POLICY relay_reads ON store.log_epochs FOR SELECT TO relay, projector, reader USING (true);
CREATE POLICY relay_reads ON store.events FOR SELECT TO relay, projector USING (true);
-- Both APIs ask whether a session or key still holds; query-api within its tenant and without the state.
CREATE POLICY reader_own ON store.streams FOR SELECT TO reader
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT, UPDATE ON store.partition_head TO writer;
GRANT SELECT ON store.partition_head, store.log_epochs TO relay, projector, reader;
GRANT SELECT ON store.log_epochs, store.command_key_generation TO writer;
GRANT SELECT, INSERT ON store.events TO writer;
GRANT SELECT ON store.events TO relay, projector;
GRANT SELECT, INSERT, UPDATE ON store.streams TO writer;
GRANT SELECT (stream_id, tenant_id, kind, parent_id, lane, open, due_at) ON store.streams TO reader;
GRANT SELECT, INSERT, DELETE ON store.reservations TO writer;
GRANT SELECT, INSERT, UPDATE ON store.tallies TO writer;
GRANT SELECT, INSERT ON store.command_keys_0, store.command_keys_1 TO writer;

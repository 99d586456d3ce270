-- What Redis is to hold of the read models. It is a copy that may vanish at any moment: these tables say what of it is
-- still to be written, and the functions what a copy is made of and how old it is.

-- One row a tenant, model and projection, however often it changed: written in the projection's transaction, taken away
-- once Redis holds what the row asked for. `revision` tells a row that was asked for again meanwhile.
CREATE TABLE read.redis_owed (
    tenant_id uuid NOT NULL,
    key text NOT NULL CHECK (key = 'summary'),
    projection text NOT NULL,
    generation integer NOT NULL,
    seq bigint NOT NULL,
    revision uuid NOT NULL,
    owed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, key, projection)
) WITH (fillfactor = 50);

-- How Redis was left. `mark` is written there, too: one that is older there, or missing, tells that Redis lost something.
-- `made_of` names the generations and epochs that the copies were made of: where they change, everything is owed.
CREATE TABLE read.redis_state (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    mark bigint NOT NULL DEFAULT 0,
    made_of text NOT NULL DEFAULT '',
    worker uuid,
    leased_until timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 10);

DO $$ BEGIN PERFORM read.guard('read', 'redis_owed', false), read.guard('read', 'redis_state', false); END $$;
CREATE POLICY migrator_all ON read.redis_state FOR ALL TO migrator USING (true) WITH CHECK (true);
INSERT INTO read.redis_state DEFAULT VALUES;
REVOKE INSERT, DELETE ON read.redis_state FROM projector;
-- Few rows that come and go all the time.
ALTER TABLE read.redis_owed SET (autovacuum_vacuum_threshold = 500, autovacuum_analyze_threshold = 500);
ALTER TABLE read.redis_state SET (autovacuum_vacuum_threshold = 200, autovacuum_analyze_threshold = 200);

-- How old what a tenant reads is: of each projection the live generation, how often it was repaired, and the tenant's last
-- event in it; above them the partition's epoch. Two looks that say the same saw the same rows.
CREATE FUNCTION read.tenant_versions(tenants uuid[])
RETURNS TABLE (tenant_id uuid, epoch integer, projection text, generation integer, repairs integer, seq bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT t.id, (SELECT max(l.epoch) FROM store.log_epochs l WHERE l.partition = read.partition_of(t.id)),
           g.projection, g.generation, g.repairs, coalesce(s.seq, 0)
    FROM unnest(tenants) AS t (id)
    CROSS JOIN read.generations g
    LEFT JOIN read.tenant_seqs s ON s.tenant_id = t.id AND s.projection = g.projection AND s.generation = g.generation
    WHERE g.state = 'live'
$$;

-- What a tenant's summary is added up from, as one text: the same whether it comes from here or from Redis. Its `version`
-- is read in the same snapshot. It holds no date of today: whoever shows it chooses the days.
CREATE FUNCTION read.summary_rows(of_tenant uuid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT json_build_object(
        'version', (
            SELECT json_build_object(
                'epoch', (SELECT max(l.epoch) FROM store.log_epochs l WHERE l.partition = read.partition_of(of_tenant)),
                'projections', json_object_agg(g.projection, json_build_array(g.generation, g.repairs, coalesce(s.seq, 0))))
            FROM read.generations g
            LEFT JOIN read.tenant_seqs s ON s.tenant_id = of_tenant AND s.projection = g.projection AND s.generation = g.generation
            WHERE g.state = 'live' AND g.projection IN ('summary', 'devices')),
        'findings', (
            SELECT coalesce(json_agg(json_build_array(c.severity, c.disposition, c.device_type, c.total, c.open)
                                     ORDER BY c.severity, c.disposition, c.device_type), '[]')
            FROM (SELECT f.severity, f.disposition, f.device_type, sum(f.n)::bigint AS total,
                         coalesce(sum(f.n) FILTER (WHERE f.open), 0)::bigint AS open
                  FROM read.finding_counts f WHERE f.tenant_id = of_tenant
                  GROUP BY f.severity, f.disposition, f.device_type) AS c),
        'devices', (
            SELECT coalesce(json_agg(json_build_array(d.device_type, d.n) ORDER BY d.n DESC, d.device_type), '[]')
            FROM read.device_counts d WHERE d.tenant_id = of_tenant AND d.n > 0),
        'days', ( -- two more than are shown: clocks differ
            SELECT coalesce(json_agg(json_build_array(d.day, d.raised, d.closed) ORDER BY d.day), '[]')
            FROM read.daily_counts d WHERE d.tenant_id = of_tenant AND d.day > (now() AT TIME ZONE 'UTC')::date - 32),
        'worst', (
            SELECT coalesce(json_agg(json_build_array(w.device_id, w.name, w.host_name, w.open_critical, w.open_high)
                                     ORDER BY w.open_critical DESC, w.open_high DESC, w.device_id), '[]')
            FROM (SELECT r.device_id, d.name, d.host_name, r.open_critical, r.open_high
                  FROM read.device_risk r LEFT JOIN read.devices d ON d.tenant_id = r.tenant_id AND d.device_id = r.device_id
                  WHERE r.tenant_id = of_tenant AND (r.open_critical > 0 OR r.open_high > 0) AND d.retired IS NOT TRUE
                  ORDER BY r.open_critical DESC, r.open_high DESC, r.device_id LIMIT 10) AS w),
        'degraded', EXISTS (
            SELECT FROM read.parked_streams p JOIN read.live_generations g ON g.projection = p.projection AND g.generation = p.generation
            WHERE p.tenant_id = of_tenant AND p.projection IN ('summary', 'devices'))
    )::text
$$;

-- Which of two copies of a tenant's summary is newer, as a text that sorts so: epoch, then when the generations came to be
-- live, their repairs, the tenant's last events, and at last the moment, for what moves none of them.
CREATE FUNCTION read.summary_order(of_tenant uuid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT lpad((SELECT max(l.epoch) FROM store.log_epochs l WHERE l.partition = read.partition_of(of_tenant))::text, 10, '0')
        || string_agg('.' || lpad((extract(epoch FROM g.live_since) * 1000000)::bigint::text, 17, '0')
                          || '.' || lpad(g.repairs::text, 10, '0'), '' ORDER BY g.projection)
        || string_agg('.' || lpad(coalesce(s.seq, 0)::text, 19, '0'), '' ORDER BY g.projection)
        || '.' || lpad((extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text, 17, '0')
    FROM read.generations g
    LEFT JOIN read.tenant_seqs s ON s.tenant_id = of_tenant AND s.projection = g.projection AND s.generation = g.generation
    WHERE g.state = 'live' AND g.projection IN ('summary', 'devices')
$$;

-- What all copies were made of.
CREATE FUNCTION read.redis_made_of() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT string_agg(format('%s %s %s %s', g.projection, g.generation, g.repairs, g.live_since), ', ' ORDER BY g.projection)
        || (SELECT format(', epochs %s', sum(l.epoch)) FROM store.log_epochs l)
    FROM read.generations g WHERE g.state = 'live' AND g.projection IN ('summary', 'devices')
$$;

REVOKE EXECUTE ON FUNCTION read.tenant_versions(uuid[]), read.summary_rows(uuid), read.summary_order(uuid), read.redis_made_of() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION read.tenant_versions(uuid[]) TO reader;
GRANT EXECUTE ON FUNCTION read.summary_rows(uuid) TO reader, projector;
GRANT EXECUTE ON FUNCTION read.summary_order(uuid), read.redis_made_of() TO projector;

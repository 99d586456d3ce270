-- The read models: what the projector writes and query-api reads. Everything here can be thrown away and folded again from store.events.
--
-- * Each projection owns tables named <table>_g<generation>; routes read the views read.<table>, which point to the live generation.
-- * Tables, policies and grants of any generation come from read.create_generation, so a later generation cannot forget one.
-- * Row-level security is on and forced everywhere: `reader` sees the tenant in app.tenant_id, `projector` writes for all tenants.
-- * Only leakproof types are indexed (uuid, text, int, bool, timestamptz, date): under a policy any other loses its index.
-- * Text that ends in `_sealed` is the sealed field as JSON; its AAD is the event named beside it. Text that ends in `_json` is JSON as written.
-- * No foreign keys, no jsonb, no scale-factor autovacuum.

CREATE SCHEMA read;
GRANT USAGE ON SCHEMA read TO projector, reader;

-- ---------------------------------------------------------------------------------------------------------------- bookkeeping

-- How far each generation of each projection has read each partition; moved only in the transaction that wrote the rows.
CREATE TABLE read.checkpoints (
    projection text NOT NULL,
    generation integer NOT NULL,
    partition smallint NOT NULL,
    epoch integer NOT NULL DEFAULT 1,
    seq bigint NOT NULL DEFAULT 0,
    parked_streams integer NOT NULL DEFAULT 0, -- of this partition: read under the row's lock, so nobody applies what another just parked
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (projection, generation, partition)
) WITH (fillfactor = 50);

-- Which generation the views read: the one whose checkpoints a waiting query looks at.
CREATE TABLE read.live_generations (
    projection text PRIMARY KEY,
    generation integer NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
);

CREATE VIEW read.live_checkpoints WITH (security_invoker = true) AS
    SELECT projection, generation, partition, epoch, seq, applied_at FROM read.checkpoints JOIN read.live_generations USING (projection, generation);
GRANT SELECT ON read.live_checkpoints TO reader, projector;

-- A stream whose event could not be applied waits here with all its later events, and with the streams that hang below it.
CREATE TABLE read.parked_streams (
    projection text NOT NULL,
    generation integer NOT NULL,
    tenant_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    kind text NOT NULL,
    partition smallint NOT NULL,
    first_seq bigint NOT NULL,
    because_of uuid NOT NULL, -- the stream that holds the guilty event: itself, or the one it hangs below
    reason text NOT NULL,     -- a code and its place, never a value of the event
    parked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (projection, generation, tenant_id, stream_id)
);

CREATE TABLE read.parked_events (
    projection text NOT NULL,
    generation integer NOT NULL,
    tenant_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    partition smallint NOT NULL,
    seq bigint NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    parked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (projection, generation, partition, seq)
);
CREATE INDEX parked_events_by_stream ON read.parked_events (projection, generation, tenant_id, stream_id, seq);

-- ------------------------------------------------------------------------------------------------------------ guards and grants

CREATE FUNCTION read.guard(table_name text, readable boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    EXECUTE format('ALTER TABLE read.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', table_name);
    EXECUTE format('CREATE POLICY projector_all ON read.%I FOR ALL TO projector USING (true) WITH CHECK (true)', table_name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON read.%I TO projector', table_name);
    IF readable THEN
        EXECUTE format($policy$CREATE POLICY reader_own_tenant ON read.%I FOR SELECT TO reader
            USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid))$policy$, table_name);
        EXECUTE format('GRANT SELECT ON read.%I TO reader', table_name);
    END IF;
    EXECUTE format('ALTER TABLE read.%I SET (
        autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000,
        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000)', table_name);
END $$;

DO $$
BEGIN
    PERFORM read.guard('parked_streams', true), read.guard('parked_events', true);
    PERFORM read.guard('checkpoints', false), read.guard('live_generations', false);
END
$$;

-- Positions and generations say nothing about any tenant: every reader may see them.
CREATE POLICY reader_all ON read.checkpoints FOR SELECT TO reader USING (true);
CREATE POLICY reader_all ON read.live_generations FOR SELECT TO reader USING (true);
GRANT SELECT ON read.checkpoints, read.live_generations TO reader;
ALTER TABLE read.checkpoints SET (autovacuum_vacuum_threshold = 500, autovacuum_analyze_threshold = 500);
-- Generations are the migrator's to create and to switch.
CREATE POLICY migrator_all ON read.checkpoints FOR ALL TO migrator USING (true) WITH CHECK (true);
CREATE POLICY migrator_all ON read.live_generations FOR ALL TO migrator USING (true) WITH CHECK (true);
REVOKE INSERT, UPDATE, DELETE ON read.live_generations FROM projector;

-- ------------------------------------------------------------------------------------------------------------------ generations

-- The tables of each projection. `readable` ones get a view and a policy for `reader`; the others are the projection's own memory.
CREATE FUNCTION read.tables_of(of_projection text) RETURNS TABLE (table_name text, readable boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT t.table_name, t.readable FROM (VALUES
        ('devices', 'devices', true), ('devices', 'device_totals', true),
        ('findings', 'findings', true), ('findings', 'finding_cves', true), ('findings', 'finding_history', true), ('findings', 'finding_totals', true),
        ('scans', 'scans', true), ('scans', 'scan_totals', true),
        ('users', 'users', true), ('users', 'user_totals', true),
        ('api_keys', 'api_keys', true), ('api_keys', 'api_key_totals', true),
        ('organizations', 'organizations', true),
        ('summary', 'finding_counts', true), ('summary', 'device_counts', true), ('summary', 'daily_counts', true), ('summary', 'device_risk', true),
        ('summary', 'summary_findings', false), ('summary', 'summary_devices', false),
        ('audit_trail', 'audit_trail', true), ('audit_trail', 'audit_trail_totals', true)
    ) AS t (projection, table_name, readable)
    WHERE t.projection = of_projection
$$;

-- One row a tenant: the exact length of its list.
CREATE FUNCTION read.totals_ddl(table_name text) RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
    SELECT 'CREATE TABLE read.' || table_name || '_g{g} (tenant_id uuid PRIMARY KEY, total bigint NOT NULL) WITH (fillfactor = 50);'
$$;

CREATE FUNCTION read.ddl_of(of_projection text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
SELECT CASE of_projection
WHEN 'devices' THEN $ddl$
    CREATE TABLE read.devices_g{g} (
        tenant_id uuid NOT NULL,
        device_id uuid NOT NULL,
        version bigint NOT NULL,
        network text NOT NULL,
        addresses text[] NOT NULL,
        mac text,
        host_name text,
        name text,
        type text,
        vendor text,
        model text,
        os text,
        place text,
        latitude_e6 integer,
        longitude_e6 integer,
        criticality text NOT NULL CHECK (criticality IN ('low', 'medium', 'high', 'critical')),
        metadata_json text NOT NULL,
        status text NOT NULL CHECK (status IN ('up', 'down', 'unknown')),
        seen_at timestamptz,
        retired boolean NOT NULL,
        registered_at timestamptz NOT NULL,
        registered_by text NOT NULL,
        last_changed_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, device_id)
    ) WITH (fillfactor = 90);
$ddl$ || read.totals_ddl('device_totals')
WHEN 'findings' THEN $ddl$
    CREATE TABLE read.findings_g{g} (
        tenant_id uuid NOT NULL,
        finding_id uuid NOT NULL,
        version bigint NOT NULL,
        severity smallint NOT NULL CHECK (severity BETWEEN 0 AND 5), -- critical 5, high 4, medium 3, low 2, info 1, unknown 0
        detected boolean NOT NULL,
        disposition text NOT NULL CHECK (disposition IN
            ('untriaged', 'confirmed', 'false-positive', 'out-of-scope', 'acceptance-requested', 'accepted')),
        remediation text CHECK (remediation IN ('open', 'in-progress', 'claimed-fixed', 'verified')), -- none where suppressed: nobody repairs it
        triage_before text CHECK (triage_before IN ('untriaged', 'confirmed')), -- what a request or an acceptance comes back to
        acceptance_until timestamptz, -- while requested or accepted
        acceptance_requested_by uuid, -- the user who asked, while requested or accepted
        acceptance_reason text,
        device_id uuid,
        type text NOT NULL,
        title text NOT NULL,
        assignee uuid,
        cvss_score_tenths integer,
        cves text[] NOT NULL,
        tool text NOT NULL,
        raised_at timestamptz NOT NULL,
        last_changed_at timestamptz NOT NULL,
        last_observed_at timestamptz NOT NULL,
        raised_by text NOT NULL,
        -- What only the detail shows.
        description text,
        cvss_vectors text[] NOT NULL,
        rule text,
        component text,
        protocol text,
        port integer,
        location text,
        evidence text,
        metadata_json text NOT NULL,
        PRIMARY KEY (tenant_id, finding_id)
    ) WITH (fillfactor = 90);
    CREATE TABLE read.finding_cves_g{g} (
        tenant_id uuid NOT NULL,
        cve text NOT NULL,
        finding_id uuid NOT NULL,
        PRIMARY KEY (tenant_id, cve, finding_id)
    );
    CREATE TABLE read.finding_history_g{g} (
        tenant_id uuid NOT NULL,
        finding_id uuid NOT NULL,
        version bigint NOT NULL,
        recorded_at timestamptz NOT NULL,
        actor text NOT NULL,
        type text NOT NULL,
        detail_json text NOT NULL, -- the event's body; of `finding.raised` without what never changes and the detail shows
        partition smallint NOT NULL,
        seq bigint NOT NULL,
        PRIMARY KEY (tenant_id, finding_id, version)
    );
$ddl$ || read.totals_ddl('finding_totals')
WHEN 'scans' THEN $ddl$
    CREATE TABLE read.scans_g{g} (
        tenant_id uuid NOT NULL,
        scan_id uuid NOT NULL,
        version bigint NOT NULL,
        tool text NOT NULL,
        tool_version text,
        lane text NOT NULL,
        scope_devices bigint NOT NULL,
        scope_hosts text[] NOT NULL,
        sha256 text NOT NULL,
        bytes bigint NOT NULL,
        observed_at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        hosts_up bigint NOT NULL,
        devices_registered bigint NOT NULL,
        devices_updated bigint NOT NULL,
        findings_raised bigint NOT NULL,
        findings_known bigint NOT NULL,
        refused bigint NOT NULL,
        sender text NOT NULL,  -- the actor
        sent_by_key uuid,      -- the scanner key among the actors: it sees what it sent
        PRIMARY KEY (tenant_id, scan_id)
    );
$ddl$ || read.totals_ddl('scan_totals')
WHEN 'users' THEN $ddl$
    CREATE TABLE read.users_g{g} (
        tenant_id uuid NOT NULL,
        user_id uuid NOT NULL,
        version bigint NOT NULL,
        role text NOT NULL CHECK (role IN ('administrator', 'analyst', 'auditor', 'viewer')),
        status text NOT NULL CHECK (status IN ('invited', 'active', 'disabled')),
        accepted boolean NOT NULL, -- a user may be disabled and enabled before accepting
        login_sealed text NOT NULL,
        display_name_sealed text,
        email_sealed text,
        sealed_event_id uuid NOT NULL, -- the event of their AAD
        invited_at timestamptz NOT NULL,
        invited_by text NOT NULL,
        invitation_expires_at timestamptz NOT NULL,
        accepted_at timestamptz,
        last_log_in_at timestamptz,
        log_in_count bigint NOT NULL,
        last_changed_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, user_id)
    ) WITH (fillfactor = 70);
$ddl$ || read.totals_ddl('user_totals')
WHEN 'api_keys' THEN $ddl$
    CREATE TABLE read.api_keys_g{g} (
        tenant_id uuid NOT NULL,
        api_key_id uuid NOT NULL,
        version bigint NOT NULL,
        name text NOT NULL,
        public_id text NOT NULL,
        status text NOT NULL CHECK (status IN ('active', 'revoked', 'expired')),
        issued_at timestamptz NOT NULL,
        issued_by text NOT NULL,
        expires_at timestamptz,
        ended_at timestamptz,
        last_changed_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, api_key_id)
    );
$ddl$ || read.totals_ddl('api_key_totals')
WHEN 'organizations' THEN $ddl$
    CREATE TABLE read.organizations_g{g} (
        tenant_id uuid PRIMARY KEY,
        version bigint NOT NULL,
        slug text NOT NULL,
        name text NOT NULL,
        plan text NOT NULL CHECK (plan IN ('free', 'team', 'enterprise')),
        device_limit bigint NOT NULL,
        status text NOT NULL CHECK (status IN ('active', 'suspended')),
        suspension_reason text,
        founded_at timestamptz NOT NULL,
        last_changed_at timestamptz NOT NULL
    );
$ddl$
WHEN 'summary' THEN $ddl$
    -- `open`: detected and not suppressed (false positive, out of scope, accepted). device_type '' is "no device, or one without a type".
    CREATE TABLE read.finding_counts_g{g} (
        tenant_id uuid NOT NULL,
        severity smallint NOT NULL,
        disposition text NOT NULL,
        detected boolean NOT NULL,
        open boolean NOT NULL,
        device_type text NOT NULL,
        n bigint NOT NULL,
        PRIMARY KEY (tenant_id, severity, disposition, detected, open, device_type)
    ) WITH (fillfactor = 50);
    CREATE TABLE read.device_counts_g{g} (
        tenant_id uuid NOT NULL,
        device_type text NOT NULL,
        n bigint NOT NULL, -- registered and not retired
        PRIMARY KEY (tenant_id, device_type)
    ) WITH (fillfactor = 50);
    CREATE TABLE read.daily_counts_g{g} (
        tenant_id uuid NOT NULL,
        day date NOT NULL, -- of recorded_at, UTC
        raised bigint NOT NULL,
        closed bigint NOT NULL, -- turned from open to not open; one that comes back and closes again counts again
        PRIMARY KEY (tenant_id, day)
    ) WITH (fillfactor = 50);
    CREATE TABLE read.device_risk_g{g} (
        tenant_id uuid NOT NULL,
        device_id uuid NOT NULL,
        open_critical integer NOT NULL,
        open_high integer NOT NULL,
        PRIMARY KEY (tenant_id, device_id)
    ) WITH (fillfactor = 70);
    CREATE TABLE read.summary_findings_g{g} (
        tenant_id uuid NOT NULL,
        finding_id uuid NOT NULL,
        version bigint NOT NULL,
        device_id uuid,
        device_type text NOT NULL,
        severity smallint NOT NULL,
        detected boolean NOT NULL,
        disposition text NOT NULL,
        remediation text,
        triage_before text,
        PRIMARY KEY (tenant_id, finding_id)
    ) WITH (fillfactor = 70);
    CREATE TABLE read.summary_devices_g{g} (
        tenant_id uuid NOT NULL,
        device_id uuid NOT NULL,
        version bigint NOT NULL,
        device_type text NOT NULL,
        retired boolean NOT NULL,
        PRIMARY KEY (tenant_id, device_id)
    ) WITH (fillfactor = 70);
$ddl$
WHEN 'audit_trail' THEN $ddl$
    CREATE TABLE read.audit_trail_g{g} (
        tenant_id uuid NOT NULL,
        partition smallint NOT NULL,
        seq bigint NOT NULL,
        recorded_at timestamptz NOT NULL,
        actor text NOT NULL,
        action text NOT NULL, -- the event's type
        object_kind text NOT NULL,
        object_id uuid NOT NULL,
        object_version bigint NOT NULL,
        correlation uuid NOT NULL,
        causation uuid,
        event_id uuid NOT NULL, -- also the event of the sealed fields' AAD
        ip_sealed text,
        user_agent_sealed text,
        detail_json text NOT NULL, -- the short clear facts of the body; never a sealed field, never a long text
        PRIMARY KEY (tenant_id, seq) -- a tenant lives in one partition
    );
$ddl$ || read.totals_ddl('audit_trail_totals')
END
$$;

-- Apart from the tables, so that a rebuild can load first and index afterwards.
CREATE FUNCTION read.index_ddl_of(of_projection text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
SELECT CASE of_projection
WHEN 'devices' THEN $ddl$
    CREATE INDEX devices_g{g}_by_registration ON read.devices_g{g} (tenant_id, registered_at, device_id);
$ddl$
WHEN 'findings' THEN $ddl$
    -- Both sorts read backwards. The values that nearly every finding has (untriaged, open, detected) are left out of their indexes,
    -- so raising one does not pay for them; a query for another value says so once more as a literal (`disposition <> 'untriaged'`).
    CREATE INDEX findings_g{g}_by_change ON read.findings_g{g} (tenant_id, last_changed_at, finding_id);
    CREATE INDEX findings_g{g}_by_severity ON read.findings_g{g} (tenant_id, severity, finding_id);
    CREATE INDEX findings_g{g}_by_severity_and_change ON read.findings_g{g} (tenant_id, severity, last_changed_at, finding_id);
    CREATE INDEX findings_g{g}_by_device ON read.findings_g{g} (tenant_id, device_id, last_changed_at, finding_id) WHERE device_id IS NOT NULL;
    CREATE INDEX findings_g{g}_by_type ON read.findings_g{g} (tenant_id, type, last_changed_at, finding_id);
    CREATE INDEX findings_g{g}_by_assignee ON read.findings_g{g} (tenant_id, assignee, last_changed_at, finding_id) WHERE assignee IS NOT NULL;
    CREATE INDEX findings_g{g}_by_disposition ON read.findings_g{g} (tenant_id, disposition, last_changed_at, finding_id) WHERE disposition <> 'untriaged';
    CREATE INDEX findings_g{g}_by_remediation ON read.findings_g{g} (tenant_id, remediation, last_changed_at, finding_id) WHERE remediation <> 'open';
    CREATE INDEX findings_g{g}_not_detected ON read.findings_g{g} (tenant_id, last_changed_at, finding_id) WHERE NOT detected;
$ddl$
WHEN 'scans' THEN $ddl$
    CREATE INDEX scans_g{g}_by_recording ON read.scans_g{g} (tenant_id, recorded_at, scan_id);
    CREATE INDEX scans_g{g}_by_key ON read.scans_g{g} (tenant_id, sent_by_key, recorded_at, scan_id) WHERE sent_by_key IS NOT NULL;
$ddl$
WHEN 'users' THEN $ddl$
    CREATE INDEX users_g{g}_by_invitation ON read.users_g{g} (tenant_id, invited_at, user_id);
$ddl$
WHEN 'api_keys' THEN $ddl$
    CREATE INDEX api_keys_g{g}_by_issue ON read.api_keys_g{g} (tenant_id, issued_at, api_key_id);
$ddl$
WHEN 'organizations' THEN $ddl$
    CREATE INDEX organizations_g{g}_by_slug ON read.organizations_g{g} (slug COLLATE "C", tenant_id);
$ddl$
WHEN 'summary' THEN $ddl$
    CREATE INDEX device_risk_g{g}_worst ON read.device_risk_g{g} (tenant_id, open_critical DESC, open_high DESC, device_id)
        WHERE open_critical > 0 OR open_high > 0;
$ddl$
WHEN 'audit_trail' THEN $ddl$
    CREATE INDEX audit_trail_g{g}_by_time ON read.audit_trail_g{g} (tenant_id, recorded_at, seq);
    CREATE INDEX audit_trail_g{g}_by_actor ON read.audit_trail_g{g} (tenant_id, actor, seq);
    CREATE INDEX audit_trail_g{g}_by_action ON read.audit_trail_g{g} (tenant_id, action, seq);
    CREATE INDEX audit_trail_g{g}_by_object ON read.audit_trail_g{g} (tenant_id, object_id, seq);
    CREATE INDEX audit_trail_g{g}_by_object_kind ON read.audit_trail_g{g} (tenant_id, object_kind, seq);
$ddl$
END
$$;

CREATE FUNCTION read.create_generation(of_projection text, generation integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    owned record;
BEGIN
    IF read.ddl_of(of_projection) IS NULL THEN
        RAISE EXCEPTION 'there is no projection %', of_projection;
    END IF;
    EXECUTE replace(read.ddl_of(of_projection), '{g}', generation::text);
    FOR owned IN SELECT * FROM read.tables_of(of_projection) LOOP
        PERFORM read.guard(owned.table_name || '_g' || generation, owned.readable);
    END LOOP;
    -- Few rows that change with every batch: vacuumed early, so that their updates stay on their page.
    IF of_projection = 'summary' THEN
        EXECUTE replace('ALTER TABLE read.finding_counts_g{g} SET (autovacuum_vacuum_threshold = 500, autovacuum_analyze_threshold = 500);
            ALTER TABLE read.daily_counts_g{g} SET (autovacuum_vacuum_threshold = 500, autovacuum_analyze_threshold = 500)', '{g}', generation::text);
    END IF;
    -- Operators list organizations through a function of the owner's, which FORCE would otherwise blind.
    IF of_projection = 'organizations' THEN
        EXECUTE format('CREATE POLICY migrator_lists ON read.%I FOR SELECT TO migrator USING (true)', 'organizations_g' || generation);
    END IF;
    INSERT INTO read.checkpoints (projection, generation, partition)
        SELECT of_projection, create_generation.generation, p FROM generate_series(0, 63) AS p;
END $$;

CREATE FUNCTION read.index_generation(of_projection text, generation integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    EXECUTE replace(read.index_ddl_of(of_projection), '{g}', generation::text);
END $$;

-- Points the views at a generation.
CREATE FUNCTION read.route_generation(of_projection text, to_generation integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    owned record;
BEGIN
    FOR owned IN SELECT * FROM read.tables_of(of_projection) AS t WHERE t.readable LOOP
        EXECUTE format('CREATE OR REPLACE VIEW read.%I WITH (security_invoker = true) AS SELECT * FROM read.%I',
            owned.table_name, owned.table_name || '_g' || to_generation);
        EXECUTE format('GRANT SELECT ON read.%I TO reader, projector', owned.table_name);
    END LOOP;
    INSERT INTO read.live_generations (projection, generation) VALUES (of_projection, to_generation)
        ON CONFLICT (projection) DO UPDATE SET generation = excluded.generation, since = now();
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA read FROM PUBLIC;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['devices', 'findings', 'scans', 'users', 'api_keys', 'organizations', 'summary', 'audit_trail'] LOOP
        PERFORM read.create_generation(name, 1), read.index_generation(name, 1), read.route_generation(name, 1);
    END LOOP;
END
$$;

-- ------------------------------------------------------------------------------------------------------------- for operators only

-- The one read across tenants. query-api calls it for nobody but a caller with the operator token.
CREATE FUNCTION read.list_organizations(after_slug text, page_limit integer) RETURNS SETOF read.organizations
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT * FROM read.organizations
    WHERE after_slug IS NULL OR slug COLLATE "C" > after_slug COLLATE "C"
    ORDER BY slug COLLATE "C"
    LIMIT least(page_limit, 501)
$$;

-- How many there are, counted no further than `bound`.
CREATE FUNCTION read.count_organizations(bound integer) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT count(*) FROM (SELECT FROM read.organizations LIMIT bound) AS counted
$$;

REVOKE EXECUTE ON FUNCTION read.list_organizations(text, integer), read.count_organizations(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION read.list_organizations(text, integer), read.count_organizations(integer) TO reader;

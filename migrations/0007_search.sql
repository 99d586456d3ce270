-- Full-text search of findings, a projection of its own: what its index costs falls on nobody else, and it is rebuilt alone.
--
-- * A document is made of a finding's words as `platform::words` cuts them; what a finding is called never changes, so rows are only added.
-- * Every word begins with a mark of its tenant, so that each tenant has lists of its own in the index. The mark is no fence: the tenant is compared.
-- * `@@` is not leakproof, so that no index would serve it under a policy. So the index is asked through a function of the
--   owner's, which first makes sure that the caller speaks for that tenant.

INSERT INTO read.projections (projection, tables_ddl, guarded_ddl, index_ddl) VALUES ('finding_search', '
    CREATE TABLE {schema}.finding_search (
        tenant_id uuid NOT NULL,
        finding_id uuid NOT NULL,
        document tsvector NOT NULL,
        PRIMARY KEY (tenant_id, finding_id)
    );', '
    CREATE POLICY migrator_searches ON {schema}.finding_search FOR SELECT TO migrator USING (true);', '
    -- New words queue up to be sorted in together. Every search reads the queue, so it is kept short (kB).
    CREATE INDEX finding_search_words ON {schema}.finding_search USING gin (document) WITH (fastupdate = on, gin_pending_list_limit = 256);');
INSERT INTO read.projection_tables (table_name, projection, readable) VALUES ('finding_search', 'finding_search', true);

SELECT read.create_generation('finding_search', 1, 1::smallint, 'filling');
SELECT read.index_generation('finding_search', 1);
UPDATE read.generations SET state = 'ready' WHERE projection = 'finding_search' AND generation = 1;
SELECT read.switch_generation('finding_search', 1);

-- The tenant's findings that match, if they are no more than `most`; else nothing (null). Where the statistics say that there are
-- several times as many, none is fetched to find that out. The planner is told the words, so that it sees from the same statistics
-- whether the index or the rows in their order lead there sooner. (It changes nothing; only a VOLATILE function may EXPLAIN.)
CREATE FUNCTION read.search_findings(of_tenant uuid, query text, most integer) RETURNS uuid[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET jit = off AS $$
DECLARE
    asked CONSTANT tsquery := query::tsquery;
    foreseen json;
    found uuid[];
BEGIN
    IF of_tenant IS DISTINCT FROM nullif(current_setting('app.tenant_id', true), '')::uuid OR of_tenant IS NULL THEN
        RAISE EXCEPTION 'a search in the name of another tenant' USING ERRCODE = 'insufficient_privilege';
    END IF;
    EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM read.finding_search s WHERE s.tenant_id = %L AND s.document @@ %L::tsquery',
        of_tenant, asked) INTO foreseen;
    IF (foreseen -> 0 -> 'Plan' ->> 'Plan Rows')::float8 > most::float8 * 4 THEN
        RETURN NULL;
    END IF;
    SELECT array_agg(hit.finding_id) INTO found
    FROM (SELECT s.finding_id FROM read.finding_search s WHERE s.tenant_id = of_tenant AND s.document @@ asked LIMIT most::bigint + 1) AS hit;
    RETURN CASE WHEN cardinality(found) > most THEN NULL ELSE coalesce(found, '{}') END;
END $$;
REVOKE EXECUTE ON FUNCTION read.search_findings(uuid, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION read.search_findings(uuid, text, integer) TO reader;

-- The relay: who publishes which partition, how far it has come, and the beginning of a new epoch after a restore.

-- One row a partition. A lease ends by Postgres's clock; `lease_epoch` moves with every change of holder and fences the
-- late, whose updates then find no row. (log_epoch, seq) is the last event that Kafka has acknowledged without a gap.
CREATE TABLE store.relay_partitions (
    partition   smallint PRIMARY KEY CHECK (partition BETWEEN 0 AND 63),
    holder      uuid,
    lease_epoch bigint NOT NULL DEFAULT 0,
    expires_at  timestamptz NOT NULL DEFAULT '-infinity',
    log_epoch   integer NOT NULL DEFAULT 1,
    seq         bigint NOT NULL DEFAULT 0 CHECK (seq >= 0)
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
INSERT INTO store.relay_partitions (partition) SELECT generate_series(0, 63);

-- The relays that are there, so that each can tell its fair share of the partitions.
CREATE TABLE store.relay_members (
    holder     uuid PRIMARY KEY,
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['relay_partitions', 'relay_members'] LOOP
        EXECUTE format('ALTER TABLE store.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY relay_all ON store.%I TO relay USING (true) WITH CHECK (true)', t);
    END LOOP;
END
$$;
GRANT SELECT, UPDATE ON store.relay_partitions TO relay;
GRANT SELECT, INSERT, UPDATE, DELETE ON store.relay_members TO relay;

-- After a restore, or the promotion of a replica that may lack the tail, seqs are used again: from the heads on they
-- belong to a new epoch. Runs as the owner, who is let see what FORCE would hide.
CREATE POLICY owner_reads ON store.partition_head FOR SELECT TO migrator USING (true);
CREATE POLICY owner_reads ON store.events FOR SELECT TO migrator USING (true);
CREATE POLICY owner_begins ON store.log_epochs FOR INSERT TO migrator WITH CHECK (true);

-- outcome: 'begun' · 'repeated' (nothing was appended since the last epoch began, and `p_again` is false) ·
--          'writers' (`detail` = how many sessions of `writer` are there: they know the old epoch) ·
--          'damaged' (`detail` = partitions whose head is not their last event)
-- `p_above`: an epoch that the world outside has seen although the restored log does not know it.
CREATE FUNCTION store.begin_epoch(p_again boolean, p_above integer, OUT outcome text, OUT epoch integer, OUT detail text)
    LANGUAGE plpgsql SET search_path = pg_catalog AS $$
#variable_conflict use_variable
DECLARE
    latest integer;
    appended boolean;
BEGIN
    -- Appends lock rows of it; reads go on.
    LOCK TABLE store.partition_head IN EXCLUSIVE MODE;
    SELECT max(e.epoch) INTO latest FROM store.log_epochs e;
    epoch := latest;
    SELECT count(*) INTO detail FROM pg_stat_activity a WHERE a.datname = current_database() AND a.usename = 'writer';
    IF detail <> '0' THEN
        outcome := 'writers';
        RETURN;
    END IF;
    SELECT string_agg(h.partition::text, ', ' ORDER BY h.partition) INTO detail FROM store.partition_head h
        WHERE h.seq <> coalesce((SELECT max(e.seq) FROM store.events e WHERE e.partition = h.partition), 0);
    IF detail IS NOT NULL THEN
        outcome := 'damaged';
        RETURN;
    END IF;
    SELECT bool_or(h.seq + 1 > e.first_seq) INTO appended FROM store.partition_head h
        JOIN store.log_epochs e ON e.partition = h.partition AND e.epoch = latest;
    IF NOT p_again AND latest >= p_above AND NOT coalesce(appended, true) THEN
        outcome := 'repeated';
        RETURN;
    END IF;
    epoch := greatest(latest, p_above) + 1;
    INSERT INTO store.log_epochs (epoch, partition, first_seq) SELECT epoch, h.partition, h.seq + 1 FROM store.partition_head h;
    outcome := 'begun';
END
$$;
REVOKE ALL ON FUNCTION store.begin_epoch(boolean, integer) FROM PUBLIC;

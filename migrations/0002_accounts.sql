-- What must never enter an event: secrets, and the keys that personal data is sealed under. A row is written before
-- the event that names it; a row that no event names is swept.

CREATE TABLE store.credentials (
    credential_id uuid PRIMARY KEY,
    tenant_id     uuid NOT NULL,
    user_id       uuid NOT NULL,
    password_hash text NOT NULL CHECK (octet_length(password_hash) <= 512), -- a PHC string
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX credentials_of_user ON store.credentials (user_id);

CREATE TABLE store.invitations (
    invitation_id uuid PRIMARY KEY,
    tenant_id     uuid NOT NULL,
    user_id       uuid NOT NULL,
    token_sha256  bytea NOT NULL UNIQUE CHECK (octet_length(token_sha256) = 32),
    expires_at    timestamptz NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX invitations_by_age ON store.invitations (created_at);

CREATE TABLE store.api_key_secrets (
    public_id     text PRIMARY KEY CHECK (public_id ~ '^[0-9A-Za-z]{12}$'),
    tenant_id     uuid NOT NULL,
    api_key_id    uuid NOT NULL UNIQUE,
    secret_sha256 bytea NOT NULL CHECK (octet_length(secret_sha256) = 32),
    created_at    timestamptz NOT NULL DEFAULT now()
);

-- A tenant's keys, wrapped by the root key: `purpose` is what one is for ("subjects", "lookup", "2026-11").
CREATE TABLE store.tenant_keys (
    tenant_id  uuid NOT NULL,
    purpose    text NOT NULL CHECK (octet_length(purpose) <= 64),
    key_id     uuid NOT NULL UNIQUE,
    wrapped    bytea CHECK (octet_length(wrapped) <= 256), -- NULL: destroyed
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, purpose)
);

-- A person's key, wrapped by the tenant's. Destroyed, everything sealed under it reads as erased.
CREATE TABLE store.subject_keys (
    key_id     uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL,
    subject_id uuid NOT NULL,
    wrapped    bytea CHECK (octet_length(wrapped) <= 256), -- NULL: destroyed
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, subject_id)
);
CREATE INDEX subject_keys_by_age ON store.subject_keys (created_at);

-- Who acts alone for a while: the timer, later the relay. Postgres's clock decides, and `epoch` fences the late.
CREATE TABLE store.leases (
    name       text PRIMARY KEY CHECK (octet_length(name) <= 64),
    holder     uuid NOT NULL,
    epoch      bigint NOT NULL,
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

-- A key is looked up before its tenant is known. The caller proved the checksum, and the hash proves the rest.
CREATE FUNCTION store.find_api_key(p_public_id text)
    RETURNS TABLE (tenant_id uuid, api_key_id uuid, secret_sha256 bytea)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT k.tenant_id, k.api_key_id, k.secret_sha256 FROM store.api_key_secrets k WHERE k.public_id = p_public_id
$$;
REVOKE ALL ON FUNCTION store.find_api_key(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION store.find_api_key(text) TO writer, reader;

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['credentials', 'invitations', 'api_key_secrets', 'tenant_keys', 'subject_keys', 'leases'] LOOP
        EXECUTE format('ALTER TABLE store.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY writer_all ON store.%I TO writer USING (true) WITH CHECK (true)', t);
    END LOOP;
END
$$;
CREATE POLICY owner_finds ON store.api_key_secrets FOR SELECT TO migrator USING (true);
CREATE POLICY reader_own ON store.tenant_keys FOR SELECT TO reader
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));
CREATE POLICY reader_own ON store.subject_keys FOR SELECT TO reader
    USING (tenant_id = (SELECT nullif(current_setting('app.tenant_id', true), '')::uuid));

GRANT SELECT, INSERT, DELETE ON store.credentials, store.invitations, store.api_key_secrets TO writer;
GRANT SELECT, INSERT ON store.tenant_keys TO writer;
GRANT SELECT, INSERT, DELETE ON store.subject_keys TO writer;
GRANT SELECT ON store.tenant_keys, store.subject_keys TO reader;
GRANT SELECT, INSERT, UPDATE ON store.leases TO writer;

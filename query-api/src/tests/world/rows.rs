//! Rows of the read models, many at once, as the projector would have left them.

use platform::words::{tenant_mark, words};
use uuid::Uuid;

use super::World;

impl World {
    /// Devices, all registered at the same moment.
    pub(in crate::tests) async fn devices(&self, tenant: Uuid, count: i64) {
        sqlx::query(
            "WITH added AS (
                 INSERT INTO read_g1.devices (tenant_id, device_id, version, network, addresses, criticality,
                     metadata_json, status, retired, registered_at, registered_by, last_changed_at)
                 SELECT $1, gen_random_uuid(), 2, 'default', ARRAY['10.0.0.1'], 'medium', '{\"rack\":\"7\"}', 'up',
                     false, '2026-01-01T00:00:00Z', 'operator', now() FROM generate_series(1, $2)
                 RETURNING 1)
             INSERT INTO read_g1.device_totals (tenant_id, total) SELECT $1, count(*) FROM added",
        )
        .bind(tenant)
        .bind(count)
        .execute(&self.admin)
        .await
        .unwrap();
    }

    /// Findings of every severity in turn, changed in groups of ten at the same moment.
    pub(in crate::tests) async fn findings(&self, tenant: Uuid, count: i64) {
        sqlx::query(
            "WITH added AS (
                 INSERT INTO read_g1.findings (tenant_id, finding_id, version, severity, detected, disposition,
                     remediation, type, title, cves, tool, raised_at, last_changed_at, last_observed_at, raised_by,
                     cvss_vectors, metadata_json)
                 SELECT $1, gen_random_uuid(), 4, n % 6, n % 4 <> 0,
                     CASE n % 3 WHEN 0 THEN 'confirmed' WHEN 1 THEN 'untriaged' ELSE 'false-positive' END,
                     CASE WHEN n % 3 = 2 THEN NULL WHEN n % 5 = 0 THEN 'in-progress' ELSE 'open' END,
                     CASE n % 2 WHEN 0 THEN 'open-port' ELSE 'weak-cipher' END, 'finding ' || n, ARRAY[]::text[],
                     'nmap', now(), '2026-01-01T00:00:00Z'::timestamptz + (n / 10) * interval '1 second', now(),
                     'operator', ARRAY[]::text[], '{}'
                 FROM generate_series(1, $2) AS n
                 RETURNING 1)
             INSERT INTO read_g1.finding_totals (tenant_id, total) SELECT $1, count(*) FROM added",
        )
        .bind(tenant)
        .bind(count)
        .execute(&self.admin)
        .await
        .unwrap();
    }

    /// Scans, sent by a key or by a person.
    pub(in crate::tests) async fn scans(&self, tenant: Uuid, key: Option<Uuid>, count: i64) {
        sqlx::query(
            "INSERT INTO read_g1.scans (tenant_id, scan_id, version, tool, lane, scope_devices, scope_hosts, sha256,
                 bytes, observed_at, recorded_at, hosts_up, devices_registered, devices_updated, findings_raised,
                 findings_known, refused, sender, sent_by_key)
             SELECT $1, gen_random_uuid(), 1, 'nmap', 'network', 1, ARRAY['10.0.0.0/24'], repeat('0', 64), 9, now(),
                 '2026-01-01T00:00:00Z', 1, 1, 0, 0, 0, 0, coalesce('key:' || $2::text, 'operator'), $2
             FROM generate_series(1, $3)",
        )
        .bind(tenant)
        .bind(key)
        .bind(count)
        .execute(&self.admin)
        .await
        .unwrap();
    }

    /// Puts the titles of the tenant's findings into the index.
    pub(in crate::tests) async fn searchable(&self, tenant: Uuid) {
        let findings: Vec<(Uuid, String)> =
            sqlx::query_as("SELECT finding_id, title FROM read_g1.findings WHERE tenant_id = $1")
                .bind(tenant)
                .fetch_all(&self.admin)
                .await
                .unwrap();
        let (ids, documents): (Vec<Uuid>, Vec<String>) =
            findings.into_iter().map(|(id, title)| (id, document(tenant, &title))).unzip();
        sqlx::query(
            "INSERT INTO read_g1.finding_search (tenant_id, finding_id, document)
             SELECT $1, f.id, f.document::tsvector FROM unnest($2::uuid[], $3::text[]) AS f (id, document)",
        )
        .bind(tenant)
        .bind(ids)
        .bind(documents)
        .execute(&self.admin)
        .await
        .unwrap();
    }
}

fn document(tenant: Uuid, title: &str) -> String {
    let words = words(title).into_iter().enumerate();
    let places = words.flat_map(|(place, word)| {
        let at = move |text: String| format!("'{}{text}':{}", tenant_mark(tenant), place + 1);
        word.also.into_iter().chain([word.text]).map(at)
    });
    places.collect::<Vec<_>>().join(" ")
}

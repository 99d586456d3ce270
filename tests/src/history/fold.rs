//! What the read models ought to hold, worked out from the log alone: a plain walk over all events, one at a time, with
//! the write side's own folds for what is true of a stream. Slow and obvious on purpose.

mod findings;
mod people;

use std::collections::BTreeMap;

use event_schemas::{Written, device, organization, scan};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::models::put;
use super::{Entry, Models};

/// Longer texts are not in the audit trail.
const FACT_MAX_BYTES: usize = 256;

/// Rows in the making.
#[derive(Default)]
struct Fold {
    models: Models,
    rows: BTreeMap<(&'static str, Uuid), Value>,
    findings: findings::Findings,
    people: people::People,
}

pub(super) fn fold(log: &[Entry]) -> Models {
    let mut fold = Fold::default();
    for entry in log {
        fold.audit(entry);
        match &entry.written {
            Written::Organization(event) => fold.organization(entry, event),
            Written::Device(event) => fold.device(entry, event),
            Written::Scan(event) => fold.scan(entry, event),
            Written::Finding(event) => {
                let device_type = fold.type_of_device(event);
                fold.findings.take_in(entry, event, device_type, &mut fold.models);
            }
            Written::User(event) => fold.people.user(entry, event),
            Written::Session(event) => fold.people.session(entry, event),
            Written::ApiKey(event) => fold.people.api_key(entry, event),
            // Decisions about read models are rows of none of them.
            Written::Access(_) | Written::Projection(_) => {}
        }
    }
    fold.finish()
}

impl Fold {
    fn organization(&mut self, Entry { row, .. }: &Entry, event: &organization::Written) {
        use organization::Written as W;
        let (tenant, at) = (row.tenant_id, row.recorded_micros);
        let known = self.rows.entry(("organizations", row.stream_id)).or_insert_with(
            || json!({ "tenant_id": tenant, "founded_at": at, "status": "active", "suspension_reason": null }),
        );
        match event {
            W::Founded(founded) => {
                known["slug"] = json!(founded.slug);
                known["name"] = json!(founded.name);
                (known["plan"], known["device_limit"]) = (json!(founded.plan), json!(founded.device_limit));
            }
            W::PlanChanged(changed) => {
                (known["plan"], known["device_limit"]) = (json!(changed.plan), json!(changed.device_limit));
            }
            W::Suspended(suspended) => {
                (known["status"], known["suspension_reason"]) = (json!("suspended"), json!(suspended.reason));
            }
            W::Resumed(_) => (known["status"], known["suspension_reason"]) = (json!("active"), Value::Null),
        }
        (known["version"], known["last_changed_at"]) = (json!(row.stream_version), json!(at));
    }

    fn device(&mut self, Entry { row, header, .. }: &Entry, event: &device::Written) {
        use device::Written as W;
        let at = row.recorded_micros;
        let known = self.rows.entry(("devices", row.stream_id)).or_insert_with(|| {
            json!({ "tenant_id": row.tenant_id, "device_id": row.stream_id, "status": "unknown", "seen_at": null,
                "retired": false, "registered_at": at, "registered_by": header.actor.to_string() })
        });
        match event {
            W::Registered(registered) => {
                identify(known, &registered.identifiers);
                let profile = &registered.profile;
                for (column, value) in [
                    ("name", &profile.name),
                    ("type", &profile.kind),
                    ("vendor", &profile.vendor),
                    ("model", &profile.model),
                    ("os", &profile.os),
                    ("place", &profile.place),
                ] {
                    known[column] = json!(value);
                }
                (known["latitude_e6"], known["longitude_e6"]) =
                    (json!(profile.latitude_e6), json!(profile.longitude_e6));
                (known["criticality"], known["metadata_json"]) =
                    (json!(registered.criticality), json!(registered.metadata));
            }
            W::IdentifiersChanged(changed) => identify(known, &changed.identifiers),
            W::StatusReported(reported) => {
                (known["status"], known["seen_at"]) = (json!(reported.status), json!(reported.seen_at));
            }
            W::Retired(_) => known["retired"] = json!(true),
        }
        (known["version"], known["last_changed_at"]) = (json!(row.stream_version), json!(at));
    }

    fn scan(&mut self, Entry { row, header, .. }: &Entry, event: &scan::Written) {
        let scan::Written::Recorded(scan) = event;
        let sender = header.actor.to_string();
        let key = sender.strip_prefix("key:").map(str::to_owned);
        let counts = &scan.counts;
        let known = json!({
            "tenant_id": row.tenant_id, "scan_id": row.stream_id, "version": row.stream_version, "tool": scan.tool,
            "tool_version": scan.tool_version, "lane": scan.lane, "scope_devices": scan.scope.devices,
            "scope_hosts": scan.scope.hosts, "sha256": scan.sha256, "bytes": scan.bytes, "observed_at": scan.observed_at,
            "recorded_at": row.recorded_micros, "hosts_up": counts.hosts_up, "devices_registered": counts.devices_registered,
            "devices_updated": counts.devices_updated, "findings_raised": counts.findings_raised,
            "findings_known": counts.findings_known, "refused": counts.refused, "sender": sender, "sent_by_key": key,
        });
        self.rows.insert(("scans", row.stream_id), known);
    }

    fn audit(&mut self, Entry { row, header, written }: &Entry) {
        let meta: Value = row.meta.as_deref().and_then(|meta| serde_json::from_slice(meta).ok()).unwrap_or_default();
        let body: Map<String, Value> = serde_json::from_slice(&row.body).expect("a body is a JSON object");
        let facts: Map<String, Value> = body.into_iter().filter(|(_, value)| is_fact(value)).collect();
        let entry = json!({
            "tenant_id": row.tenant_id, "partition": row.partition, "seq": row.seq, "recorded_at": row.recorded_micros,
            "actor": header.actor.to_string(), "action": row.r#type, "object_kind": written.kind().as_str(),
            "object_id": row.stream_id, "object_version": row.stream_version, "correlation": header.correlation,
            "causation": header.causation, "event_id": row.event_id, "ip_sealed": meta["ip"],
            "user_agent_sealed": meta["user_agent"], "detail_json": facts,
        });
        put(&mut self.models, "audit_trail", entry);
    }

    /// Under which a finding counts for good: what its device was when it was raised.
    fn type_of_device(&self, event: &event_schemas::finding::Written) -> String {
        let event_schemas::finding::Written::Raised(raised) = event else { return String::new() };
        let device = raised.device.and_then(|device| self.rows.get(&("devices", device)));
        device.and_then(|device| device["type"].as_str()).unwrap_or_default().to_owned()
    }

    fn finish(mut self) -> Models {
        let mut devices: BTreeMap<(Uuid, String), i64> = BTreeMap::new();
        for ((table, _), row) in self.rows {
            if table == "devices" && row["retired"] == json!(false) {
                *devices.entry((id(&row["tenant_id"]), text(&row["type"]))).or_default() += 1;
            }
            put(&mut self.models, table, row);
        }
        for ((tenant, device_type), n) in devices {
            put(&mut self.models, "device_counts", json!({ "tenant_id": tenant, "device_type": device_type, "n": n }));
        }
        self.findings.finish(&mut self.models);
        self.people.finish(&mut self.models);
        for (table, totals) in [
            ("users", "user_totals"),
            ("api_keys", "api_key_totals"),
            ("devices", "device_totals"),
            ("findings", "finding_totals"),
            ("scans", "scan_totals"),
            ("audit_trail", "audit_trail_totals"),
        ] {
            let mut lengths: BTreeMap<Uuid, i64> = BTreeMap::new();
            for row in self.models.get(table).into_iter().flat_map(BTreeMap::values) {
                *lengths.entry(id(&row["tenant_id"])).or_default() += 1;
            }
            for (tenant, total) in lengths {
                put(&mut self.models, totals, json!({ "tenant_id": tenant, "total": total }));
            }
        }
        self.models
    }
}

fn identify(known: &mut Value, identifiers: &device::v1::Identifiers) {
    (known["network"], known["addresses"]) = (json!(identifiers.network), json!(identifiers.addresses));
    (known["mac"], known["host_name"]) = (json!(identifiers.mac), json!(identifiers.host_name));
}

fn is_fact(value: &Value) -> bool {
    match value {
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => text.len() <= FACT_MAX_BYTES,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

fn id(value: &Value) -> Uuid {
    value.as_str().and_then(|text| text.parse().ok()).expect("an id is a UUID")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

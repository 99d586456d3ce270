//! Findings, their history, and the numbers of the summary. What is true of one is asked of the write side's fold.

use std::collections::BTreeMap;

use domain::decider::Decider;
use domain::finding::state::{Situation, Standing, Suppression, Triage, Verdict};
use domain::finding::{self, Finding, Known};
use domain::vocabulary::{Detection, Severity, UserId};
use event_schemas::finding::Written as W;
use event_schemas::{Recorded, Written};
use serde_json::{Value, json};
use sqlx::types::chrono::DateTime;
use uuid::Uuid;

use crate::history::models::put;
use crate::history::{Entry, Models};

#[derive(Default)]
pub(super) struct Findings {
    all: BTreeMap<Uuid, Folded>,
    /// Tenant and day → raised, closed.
    days: BTreeMap<(Uuid, String), (i64, i64)>,
}

struct Folded {
    state: Finding,
    row: Value,
    device_type: String,
    /// Who asked for the acceptance that is asked for or granted, and why.
    request: Option<(Uuid, String)>,
}

impl Findings {
    pub(super) fn take_in(&mut self, entry: &Entry, event: &W, device_type: String, models: &mut Models) {
        let row = &entry.row;
        put(models, "finding_history", history(entry));
        if let W::Raised(raised) = event {
            for cve in &raised.cves {
                put(
                    models,
                    "finding_cves",
                    json!({ "tenant_id": row.tenant_id, "cve": cve, "finding_id": row.stream_id }),
                );
            }
        }
        let fresh = || Folded { state: Finding::initial(), row: raised_row(entry, event), device_type, request: None };
        let folded = self.all.entry(row.stream_id).or_insert_with(fresh);
        let was_open = folded.state.known().is_some_and(is_open);
        let fact = finding::Event::read(Written::Finding(event.clone())).expect("what was decided can be read back");
        folded.state = folded.state.clone().evolve(&fact).expect("what was decided can be replayed");
        folded.note(event);
        (folded.row["version"], folded.row["last_changed_at"]) =
            (json!(row.stream_version), json!(row.recorded_micros));
        let today =
            DateTime::from_timestamp_micros(row.recorded_micros).expect("the store's clock is in range").date_naive();
        let (raised, closed) = self.days.entry((row.tenant_id, today.to_string())).or_default();
        *raised += i64::from(row.stream_version == 1);
        *closed += i64::from(was_open && !folded.state.known().is_some_and(is_open));
    }

    pub(super) fn finish(self, models: &mut Models) {
        let mut counts: BTreeMap<String, Value> = BTreeMap::new();
        let mut risks: BTreeMap<Uuid, Value> = BTreeMap::new();
        for folded in self.all.into_values() {
            let known = folded.state.known().expect("a finding begins with being raised");
            let row = folded.finished(known);
            let mut count = json!({ "open": is_open(known), "device_type": folded.device_type, "n": 0 });
            for column in ["tenant_id", "severity", "disposition", "detected"] {
                count[column] = row[column].clone();
            }
            let counted = counts.entry(count.to_string()).or_insert(count);
            counted["n"] = json!(counted["n"].as_i64().unwrap_or_default() + 1);
            if let (Some(device), Some(column)) = (known.device, risk_of(known)) {
                let fresh = json!({ "tenant_id": row["tenant_id"], "device_id": device.uuid(), "open_critical": 0, "open_high": 0 });
                let risk = risks.entry(device.uuid()).or_insert(fresh);
                risk[column] = json!(risk[column].as_i64().unwrap_or_default() + 1);
            }
            put(models, "findings", row);
        }
        counts.into_values().for_each(|count| put(models, "finding_counts", count));
        risks.into_values().for_each(|risk| put(models, "device_risk", risk));
        for ((tenant, day), (raised, closed)) in self.days {
            if (raised, closed) != (0, 0) {
                put(
                    models,
                    "daily_counts",
                    json!({ "tenant_id": tenant, "day": day, "raised": raised, "closed": closed }),
                );
            }
        }
    }
}

impl Folded {
    fn note(&mut self, event: &W) {
        match event {
            W::DetectedAgain(again) => {
                let last = self.row["last_observed_at"].as_i64().unwrap_or(i64::MIN);
                self.row["last_observed_at"] = json!(last.max(again.observed_at));
            }
            W::AcceptanceRequested(asked) => self.request = Some((asked.by, asked.reason.clone())),
            W::Raised(_)
            | W::SeverityChanged(_)
            | W::Confirmed(_)
            | W::MarkedFalsePositive(_)
            | W::MarkedOutOfScope(_)
            | W::WorkStarted(_)
            | W::FixClaimed(_)
            | W::FixVerified(_)
            | W::Assigned(_)
            | W::Noted(_)
            | W::AcceptanceApproved(_)
            | W::AcceptanceDeclined(_)
            | W::AcceptanceLapsed(_)
            | W::Resolved(_)
            | W::Reopened(_) => {}
        }
    }

    fn finished(&self, known: &Known) -> Value {
        let mut row = self.row.clone();
        let triple = known.situation.triple();
        row["severity"] = json!(known.severity.rank());
        row["detected"] = json!(triple.detection == Detection::Detected);
        row["disposition"] = json!(triple.disposition.as_str());
        row["remediation"] = json!(triple.remediation.map(|remediation| remediation.as_str()));
        row["assignee"] = json!(known.assignee.map(UserId::uuid));
        row["triage_before"] = json!(triage_before(&known.situation));
        let until = known.situation.due_at();
        row["acceptance_until"] = json!(until.map(|until| until.micros()));
        let request = self.request.as_ref().filter(|_| until.is_some());
        row["acceptance_requested_by"] = json!(request.map(|(by, _)| by));
        row["acceptance_reason"] = json!(request.map(|(_, reason)| reason));
        row
    }
}

fn raised_row(Entry { row, header, .. }: &Entry, event: &W) -> Value {
    let W::Raised(raised) = event else { panic!("finding {} does not begin with being raised", row.stream_id) };
    json!({
        "tenant_id": row.tenant_id, "finding_id": row.stream_id, "device_id": raised.device, "type": raised.kind,
        "title": raised.title, "cvss_score_tenths": raised.cvss_score_tenths, "cves": raised.cves, "tool": raised.tool,
        "raised_at": row.recorded_micros, "last_observed_at": raised.observed_at, "raised_by": header.actor.to_string(),
        "description": raised.description, "cvss_vectors": raised.cvss, "rule": raised.rule, "component": raised.component,
        "protocol": raised.protocol, "port": raised.port, "location": raised.location, "evidence": raised.evidence,
        "metadata_json": raised.metadata,
    })
}

/// The body as it was written, of the first event without what the detail shows.
fn history(Entry { row, header, written }: &Entry) -> Value {
    let mut detail: Value = serde_json::from_slice(&row.body).expect("a body is JSON");
    if let (Written::Finding(W::Raised(_)), Some(detail)) = (written, detail.as_object_mut()) {
        detail.retain(|name, _| !["description", "evidence", "metadata"].contains(&name.as_str()));
    }
    json!({
        "tenant_id": row.tenant_id, "finding_id": row.stream_id, "version": row.stream_version,
        "recorded_at": row.recorded_micros, "actor": header.actor.to_string(), "type": row.r#type, "detail_json": detail,
        "partition": row.partition, "seq": row.seq,
    })
}

fn is_open(known: &Known) -> bool {
    matches!(known.situation, Situation::Open { .. })
}

fn risk_of(known: &Known) -> Option<&'static str> {
    match known.severity {
        Severity::Critical => Some("open_critical"),
        Severity::High => Some("open_high"),
        Severity::Medium | Severity::Low | Severity::Info | Severity::Unknown => None,
    }
    .filter(|_| is_open(known))
}

fn triage_before(situation: &Situation) -> Option<&'static str> {
    let before = match situation {
        Situation::Open { standing: Standing::AcceptanceRequested { before, .. }, .. }
        | Situation::Suppressed(Suppression::Accepted { before, .. })
        | Situation::Gone { verdict: Verdict::Suppressed(Suppression::Accepted { before, .. }), .. } => before,
        Situation::Open { .. } | Situation::Suppressed(_) | Situation::Gone { .. } => return None,
    };
    Some(match before {
        Triage::Untriaged => "untriaged",
        Triage::Confirmed => "confirmed",
    })
}

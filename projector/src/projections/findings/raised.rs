//! What a finding's first event says and nothing changes later, and the rows of new findings.

use chrono::{DateTime, Utc};
use domain::vocabulary::Disposition;
use event_schemas::finding::v1;
use sqlx::PgConnection;
use uuid::Uuid;

use super::FindingRow;
use crate::event::Event;
use crate::failure::Failure;
use crate::rows::{Change, Impossible, column};

#[derive(Clone, Debug)]
pub(super) struct Raised {
    event: v1::Raised,
    metadata_json: String,
    at: DateTime<Utc>,
    by: String,
}

impl Raised {
    pub(super) fn of(event: &Event, raised: &v1::Raised) -> Result<Self, Impossible> {
        let metadata_json = serde_json::to_string(&raised.metadata).map_err(|_| Impossible("metadata is not JSON"))?;
        Ok(Self { event: raised.clone(), metadata_json, at: event.recorded_at, by: event.actor() })
    }
}

pub(super) async fn store(new: &[&Change<FindingRow>], transaction: &mut PgConnection) -> Result<(), Failure> {
    let rows: Vec<(&FindingRow, &Raised)> =
        new.iter().filter_map(|change| Some((&change.after, change.after.raised.as_ref()?))).collect();
    insert(&rows, transaction).await?;
    let mut cves: Vec<(Uuid, &str, Uuid)> = rows
        .iter()
        .flat_map(|(row, raised)| raised.event.cves.iter().map(|cve| (row.tenant_id, cve.as_str(), row.finding_id)))
        .collect();
    if cves.is_empty() {
        return Ok(());
    }
    cves.sort_unstable();
    cves.dedup();
    sqlx::query!(
        "INSERT INTO finding_cves (tenant_id, cve, finding_id) SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[])",
        &column(&cves, |(tenant, _, _)| *tenant),
        &column(&cves, |(_, cve, _)| *cve) as &[&str],
        &column(&cves, |(_, _, finding)| *finding),
    )
    .execute(transaction)
    .await?;
    Ok(())
}

async fn insert(rows: &[(&FindingRow, &Raised)], transaction: &mut PgConnection) -> Result<(), Failure> {
    sqlx::query!(
        "INSERT INTO findings (tenant_id, finding_id, version, severity, detected, disposition, remediation, triage_before,
             acceptance_until, acceptance_requested_by, acceptance_reason, device_id, type, title, assignee, cvss_score_tenths, cves,
             tool, raised_at, last_changed_at, last_observed_at, raised_by, description, cvss_vectors, rule, component, protocol,
             port, location, evidence, metadata_json)
         SELECT tenant_id, finding_id, version, severity, detected, disposition, remediation, triage_before, acceptance_until,
             acceptance_requested_by, acceptance_reason, device_id, type, title, assignee, cvss_score_tenths,
             string_to_array(cves, ','), tool, raised_at, last_changed_at, last_observed_at, raised_by, description,
             string_to_array(cvss_vectors, ','), rule, component, protocol, port, location, evidence, metadata_json
         FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::smallint[], $5::boolean[], $6::text[], $7::text[], $8::text[],
             $9::timestamptz[], $10::uuid[], $11::text[], $12::uuid[], $13::text[], $14::text[], $15::uuid[], $16::integer[],
             $17::text[], $18::text[], $19::timestamptz[], $20::timestamptz[], $21::timestamptz[], $22::text[], $23::text[],
             $24::text[], $25::text[], $26::text[], $27::text[], $28::integer[], $29::text[], $30::text[], $31::text[])
           AS r (tenant_id, finding_id, version, severity, detected, disposition, remediation, triage_before, acceptance_until,
             acceptance_requested_by, acceptance_reason, device_id, type, title, assignee, cvss_score_tenths, cves, tool, raised_at,
             last_changed_at, last_observed_at, raised_by, description, cvss_vectors, rule, component, protocol, port, location,
             evidence, metadata_json)",
        &column(rows, |(row, _)| row.tenant_id),
        &column(rows, |(row, _)| row.finding_id),
        &column(rows, |(row, _)| row.version),
        &column(rows, |(row, _)| row.state.severity.rank()),
        &column(rows, |(row, _)| row.state.detected),
        &column(rows, |(row, _)| row.state.disposition.as_str()) as &[&str],
        &column(rows, |(row, _)| row.state.remediation.map(|part| part.as_str())) as &[Option<&str>],
        &column(rows, |(row, _)| row.state.triage_before.map(Disposition::as_str)) as &[Option<&str>],
        &column(rows, |(row, _)| row.acceptance.as_ref().map(|acceptance| acceptance.until)) as &[Option<DateTime<Utc>>],
        &column(rows, |(row, _)| row.acceptance.as_ref().map(|acceptance| acceptance.requested_by)) as &[Option<Uuid>],
        &column(rows, |(row, _)| row.acceptance.as_ref().map(|acceptance| acceptance.reason.as_str())) as &[Option<&str>],
        &column(rows, |(_, raised)| raised.event.device) as &[Option<Uuid>],
        &column(rows, |(_, raised)| raised.event.kind.as_str()) as &[&str],
        &column(rows, |(_, raised)| raised.event.title.as_str()) as &[&str],
        &column(rows, |(row, _)| row.assignee) as &[Option<Uuid>],
        &column(rows, |(_, raised)| raised.event.cvss_score_tenths.map(i32::from)) as &[Option<i32>],
        // Neither a CVE nor a CVSS vector holds a comma.
        &column(rows, |(_, raised)| raised.event.cves.join(",")),
        &column(rows, |(_, raised)| raised.event.tool.as_str()) as &[&str],
        &column(rows, |(_, raised)| raised.at),
        &column(rows, |(row, _)| row.last_changed_at),
        &column(rows, |(row, _)| row.last_observed_at),
        &column(rows, |(_, raised)| raised.by.as_str()) as &[&str],
        &column(rows, |(_, raised)| raised.event.description.as_deref()) as &[Option<&str>],
        &column(rows, |(_, raised)| raised.event.cvss.join(",")),
        &column(rows, |(_, raised)| raised.event.rule.as_deref()) as &[Option<&str>],
        &column(rows, |(_, raised)| raised.event.component.as_deref()) as &[Option<&str>],
        &column(rows, |(_, raised)| raised.event.protocol.as_deref()) as &[Option<&str>],
        &column(rows, |(_, raised)| raised.event.port.map(i32::from)) as &[Option<i32>],
        &column(rows, |(_, raised)| raised.event.location.as_deref()) as &[Option<&str>],
        &column(rows, |(_, raised)| raised.event.evidence.as_deref()) as &[Option<&str>],
        &column(rows, |(_, raised)| raised.metadata_json.as_str()) as &[&str],
    )
    .execute(transaction)
    .await?;
    Ok(())
}

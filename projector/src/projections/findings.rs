//! Findings: the list, the detail and the history of each. What never changes after a finding was raised is written once;
//! later events touch only what may change.

mod history;
mod raised;

use chrono::{DateTime, Utc};
use domain::vocabulary::{Disposition, StreamKind};
use event_schemas::{Written, finding};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::event::Event;
use crate::failure::Failure;
use crate::projection::Projection;
use crate::projections::finding_state::FindingState;
use crate::rows::{Change, Impossible, Key, Keys, Row, column, fold, growth, time};

#[derive(Debug)]
pub(crate) struct Findings;

/// What of a finding may change, and, while it is being raised, all the rest.
#[derive(Clone, Debug)]
struct FindingRow {
    tenant_id: Uuid,
    finding_id: Uuid,
    version: i64,
    state: FindingState,
    assignee: Option<Uuid>,
    acceptance: Option<Acceptance>,
    last_changed_at: DateTime<Utc>,
    last_observed_at: DateTime<Utc>,
    raised: Option<raised::Raised>,
}

#[derive(Clone, Debug)]
struct Acceptance {
    until: DateTime<Utc>,
    requested_by: Uuid,
    reason: String,
}

impl Projection for Findings {
    const NAME: &'static str = "findings";

    fn reads(kind: StreamKind) -> bool {
        kind == StreamKind::Finding
    }

    async fn apply(events: &[&Event], transaction: &mut PgConnection) -> Result<(), Failure> {
        let changes = fold::<FindingRow>(events, transaction).await?;
        let (new, known): (Vec<_>, Vec<_>) = changes.iter().partition(|change| change.before.is_none());
        if !new.is_empty() {
            raised::store(&new, transaction).await?;
            let growth = growth(&changes);
            sqlx::query!(
                "INSERT INTO finding_totals AS t (tenant_id, total) SELECT * FROM unnest($1::uuid[], $2::bigint[])
                 ON CONFLICT (tenant_id) DO UPDATE SET total = t.total + excluded.total",
                &growth.tenants,
                &growth.counts
            )
            .execute(&mut *transaction)
            .await?;
        }
        if !known.is_empty() {
            update(&known, transaction).await?;
        }
        history::store(events, transaction).await
    }
}

impl Row for FindingRow {
    async fn load(keys: &Keys, transaction: &mut PgConnection) -> Result<Vec<Self>, sqlx::Error> {
        let rows = sqlx::query!(
            "SELECT f.tenant_id, f.finding_id, version, severity, detected, disposition, remediation, triage_before, assignee,
                    acceptance_until, acceptance_requested_by, acceptance_reason, last_changed_at, last_observed_at
             FROM unnest($1::uuid[], $2::uuid[]) AS k (tenant_id, finding_id)
             JOIN findings f ON f.tenant_id = k.tenant_id AND f.finding_id = k.finding_id",
            &keys.tenants,
            &keys.streams
        )
        .fetch_all(transaction)
        .await?;
        let rows = rows.into_iter().map(|row| {
            let (disposition, before) = (&row.disposition, row.triage_before.as_deref());
            let state =
                FindingState::from_stored(row.severity, row.detected, disposition, row.remediation.as_deref(), before)?;
            let acceptance = match (row.acceptance_until, row.acceptance_requested_by, row.acceptance_reason) {
                (Some(until), Some(requested_by), Some(reason)) => Some(Acceptance { until, requested_by, reason }),
                (_, _, _) => None,
            };
            Ok(Self {
                tenant_id: row.tenant_id,
                finding_id: row.finding_id,
                version: row.version,
                state,
                assignee: row.assignee,
                acceptance,
                last_changed_at: row.last_changed_at,
                last_observed_at: row.last_observed_at,
                raised: None,
            })
        });
        rows.collect::<Result<_, Impossible>>().map_err(|Impossible(why)| sqlx::Error::Decode(why.into()))
    }

    fn key(&self) -> Key {
        Key { tenant: self.tenant_id, stream: self.finding_id }
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn evolve(row: Option<Self>, event: &Event) -> Result<Self, Impossible> {
        let Some(Written::Finding(written)) = event.written() else {
            return row.ok_or(Impossible("not a finding's event"));
        };
        let Some(mut row) = row else { return Self::raised(event, written) };
        row.state = row.state.after(written)?;
        row.note(written)?;
        row.version = event.version;
        row.last_changed_at = event.recorded_at;
        Ok(row)
    }
}

impl FindingRow {
    fn raised(event: &Event, written: &finding::Written) -> Result<Self, Impossible> {
        let finding::Written::Raised(raised) = written else { return Err(Impossible("the finding was never raised")) };
        Ok(Self {
            tenant_id: event.tenant,
            finding_id: event.stream,
            version: event.version,
            state: FindingState::raised(&raised.severity)?,
            assignee: None,
            acceptance: None,
            last_changed_at: event.recorded_at,
            last_observed_at: time(raised.observed_at)?,
            raised: Some(raised::Raised::of(event, raised)?),
        })
    }

    /// What an event says beside the three parts.
    fn note(&mut self, written: &finding::Written) -> Result<(), Impossible> {
        use finding::Written as W;
        match written {
            W::Assigned(assigned) => self.assignee = assigned.assignee,
            // A backdated observation moves nothing backwards.
            W::DetectedAgain(again) => self.last_observed_at = self.last_observed_at.max(time(again.observed_at)?),
            W::AcceptanceRequested(asked) => {
                let (until, reason) = (time(asked.until)?, asked.reason.clone());
                self.acceptance = Some(Acceptance { until, requested_by: asked.by, reason });
            }
            W::Raised(_)
            | W::SeverityChanged(_)
            | W::Confirmed(_)
            | W::MarkedFalsePositive(_)
            | W::MarkedOutOfScope(_)
            | W::WorkStarted(_)
            | W::FixClaimed(_)
            | W::FixVerified(_)
            | W::Noted(_)
            | W::AcceptanceApproved(_)
            | W::AcceptanceDeclined(_)
            | W::AcceptanceLapsed(_)
            | W::Resolved(_)
            | W::Reopened(_) => {}
        }
        if !self.state.has_acceptance() {
            self.acceptance = None;
        }
        Ok(())
    }
}

async fn update(known: &[&Change<FindingRow>], transaction: &mut PgConnection) -> Result<(), Failure> {
    let rows: Vec<&FindingRow> = known.iter().map(|change| &change.after).collect();
    let rows = rows.as_slice();
    sqlx::query!(
        "UPDATE findings f SET version = r.version, severity = r.severity, detected = r.detected,
             disposition = r.disposition, remediation = r.remediation, triage_before = r.triage_before, assignee = r.assignee,
             acceptance_until = r.acceptance_until, acceptance_requested_by = r.acceptance_requested_by,
             acceptance_reason = r.acceptance_reason, last_changed_at = r.last_changed_at, last_observed_at = r.last_observed_at
         FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::smallint[], $5::boolean[], $6::text[], $7::text[], $8::text[],
             $9::uuid[], $10::timestamptz[], $11::uuid[], $12::text[], $13::timestamptz[], $14::timestamptz[])
           AS r (tenant_id, finding_id, version, severity, detected, disposition, remediation, triage_before, assignee,
             acceptance_until, acceptance_requested_by, acceptance_reason, last_changed_at, last_observed_at)
         WHERE f.tenant_id = r.tenant_id AND f.finding_id = r.finding_id",
        &column(rows, |row| row.tenant_id),
        &column(rows, |row| row.finding_id),
        &column(rows, |row| row.version),
        &column(rows, |row| row.state.severity.rank()),
        &column(rows, |row| row.state.detected),
        &column(rows, |row| row.state.disposition.as_str()) as &[&str],
        &column(rows, |row| row.state.remediation.map(|part| part.as_str())) as &[Option<&str>],
        &column(rows, |row| row.state.triage_before.map(Disposition::as_str)) as &[Option<&str>],
        &column(rows, |row| row.assignee) as &[Option<Uuid>],
        &column(rows, |row| row.acceptance.as_ref().map(|acceptance| acceptance.until)) as &[Option<DateTime<Utc>>],
        &column(rows, |row| row.acceptance.as_ref().map(|acceptance| acceptance.requested_by)) as &[Option<Uuid>],
        &column(rows, |row| row.acceptance.as_ref().map(|acceptance| acceptance.reason.as_str())) as &[Option<&str>],
        &column(rows, |row| row.last_changed_at),
        &column(rows, |row| row.last_observed_at),
    )
    .execute(transaction)
    .await?;
    Ok(())
}

//! Who did what, when, from where: a row for every event there is. It reads the header and needs no event to be understood,
//! so an event that nobody can decode is in the trail all the same. It opens no sealed field.

use domain::vocabulary::StreamKind;
use event_schemas::Header;
use platform::keyring::Field;
use serde_json::{Map, Value};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::event::{Event, Fault};
use crate::failure::Failure;
use crate::projection::Projection;
use crate::rows::{Key, column};

/// Longer texts are for the object's own page.
const FACT_MAX_BYTES: usize = 256;

#[derive(Debug)]
pub(crate) struct AuditTrail;

struct Entry<'a> {
    event: &'a Event,
    header: &'a Header,
    ip: Option<String>,
    user_agent: Option<String>,
}

impl Projection for AuditTrail {
    const NAME: &'static str = "audit_trail";

    fn reads(_: StreamKind) -> bool {
        true
    }

    fn fault(event: &Event) -> Option<&Fault> {
        event.header.as_ref().err()
    }

    async fn apply(events: &[&Event], transaction: &mut PgConnection) -> Result<(), Failure> {
        let entries: Vec<Entry<'_>> = events.iter().filter_map(|event| Entry::of(event)).collect();
        let added = store(&entries, transaction).await?;
        let mut growth = std::collections::BTreeMap::<Uuid, i64>::new();
        for Key { tenant, .. } in added {
            *growth.entry(tenant).or_default() += 1;
        }
        sqlx::query!(
            "INSERT INTO audit_trail_totals AS t (tenant_id, total) SELECT * FROM unnest($1::uuid[], $2::bigint[])
             ON CONFLICT (tenant_id) DO UPDATE SET total = t.total + excluded.total",
            &column(growth.keys(), |tenant| *tenant),
            &column(growth.values(), |count| *count),
        )
        .execute(transaction)
        .await?;
        Ok(())
    }
}

impl<'a> Entry<'a> {
    fn of(event: &'a Event) -> Option<Self> {
        let sealed = |field: Option<Field>| field.and_then(|field| serde_json::to_string(&field).ok());
        let meta = event.meta().unwrap_or_default();
        let header = event.header.as_ref().ok()?;
        Some(Self { event, header, ip: sealed(meta.ip), user_agent: sealed(meta.user_agent) })
    }

    /// The part of the type before the dot: also for kinds that are newer than this program.
    fn object_kind(&self) -> &'a str {
        self.event.type_name.split_once('.').map_or("unknown", |(kind, _)| kind)
    }

    /// The short clear facts of the body: numbers, switches and short texts of its first level.
    fn detail(&self) -> String {
        let body: Map<String, Value> =
            self.event.body.as_deref().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
        let is_fact = |value: &Value| match value {
            Value::Bool(_) | Value::Number(_) => true,
            Value::String(text) => text.len() <= FACT_MAX_BYTES,
            Value::Null | Value::Array(_) | Value::Object(_) => false,
        };
        Value::Object(body.into_iter().filter(|(_, value)| is_fact(value)).collect()).to_string()
    }
}

/// The keys of the rows that were not there before.
async fn store(entries: &[Entry<'_>], transaction: &mut PgConnection) -> Result<Vec<Key>, Failure> {
    let rows = sqlx::query_as!(
        Key,
        r#"INSERT INTO audit_trail (tenant_id, partition, seq, recorded_at, actor, action, object_kind, object_id,
             object_version, correlation, causation, event_id, ip_sealed, user_agent_sealed, detail_json)
           SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::bigint[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
             $8::uuid[], $9::bigint[], $10::uuid[], $11::uuid[], $12::uuid[], $13::text[], $14::text[], $15::text[])
           ON CONFLICT (tenant_id, seq) DO NOTHING
           RETURNING tenant_id AS tenant, object_id AS stream"#,
        &column(entries, |entry| entry.event.tenant),
        &column(entries, |entry| entry.event.place.partition),
        &column(entries, |entry| entry.event.place.seq),
        &column(entries, |entry| entry.event.recorded_at),
        &column(entries, |entry| entry.header.actor.to_string()),
        &column(entries, |entry| entry.event.type_name.as_str()) as &[&str],
        &column(entries, |entry| entry.object_kind()) as &[&str],
        &column(entries, |entry| entry.event.stream),
        &column(entries, |entry| entry.event.version),
        &column(entries, |entry| entry.header.correlation),
        &column(entries, |entry| entry.header.causation) as &[Option<Uuid>],
        &column(entries, |entry| entry.event.id),
        &column(entries, |entry| entry.ip.as_deref()) as &[Option<&str>],
        &column(entries, |entry| entry.user_agent.as_deref()) as &[Option<&str>],
        &column(entries, Entry::detail),
    )
    .fetch_all(transaction)
    .await?;
    Ok(rows)
}

//! A row for each event of a finding, as it was written. A replayed event finds its row and leaves it.

use event_schemas::{Written, finding};
use sqlx::PgConnection;

use crate::event::Event;
use crate::failure::Failure;
use crate::rows::column;

pub(super) async fn store(events: &[&Event], transaction: &mut PgConnection) -> Result<(), Failure> {
    sqlx::query!(
        "INSERT INTO finding_history (tenant_id, finding_id, version, recorded_at, actor, type, detail_json, partition, seq)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
             $8::smallint[], $9::bigint[])
         ON CONFLICT (tenant_id, finding_id, version) DO NOTHING",
        &column(events, |event| event.tenant),
        &column(events, |event| event.stream),
        &column(events, |event| event.version),
        &column(events, |event| event.recorded_at),
        &column(events, |event| event.actor()),
        &column(events, |event| event.type_name.as_str()) as &[&str],
        &column(events, |event| detail(event)),
        &column(events, |event| event.place.partition),
        &column(events, |event| event.place.seq),
    )
    .execute(transaction)
    .await?;
    Ok(())
}

/// The event's body. What is long, never changes and stands in the finding's detail already is left out.
fn detail(event: &Event) -> String {
    if let Some(Written::Finding(finding::Written::Raised(raised))) = event.written() {
        let brief = finding::v1::Raised {
            description: None,
            evidence: None,
            metadata: std::collections::BTreeMap::new(),
            ..raised.clone()
        };
        return serde_json::to_string(&brief).unwrap_or_else(|_| "{}".to_owned());
    }
    event.body.as_ref().map_or_else(|| "{}".to_owned(), |body| String::from_utf8_lossy(body).into_owned())
}

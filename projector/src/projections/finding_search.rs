//! The words each finding is found by: of its title, description, CVEs and component. What a finding is called never
//! changes after it was raised, so rows are only ever added. Which words a text has is not decided here.

use domain::vocabulary::StreamKind;
use event_schemas::{Written, finding};
use platform::words::{tenant_mark, words};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::event::Event;
use crate::failure::Failure;
use crate::projection::Projection;
use crate::rows::column;

/// Between two texts, so that no phrase begins in one and ends in the next.
const TEXTS_APART: usize = 2;
/// Postgres knows no later place within a document.
const PLACE_MAX: usize = 16_383;

#[derive(Debug)]
pub(crate) struct FindingSearch;

impl Projection for FindingSearch {
    const NAME: &'static str = "finding_search";

    fn reads(kind: StreamKind) -> bool {
        kind == StreamKind::Finding
    }

    async fn apply(events: &[&Event], transaction: &mut PgConnection) -> Result<(), Failure> {
        let raised = events.iter().filter_map(|event| match event.written() {
            Some(Written::Finding(finding::Written::Raised(raised))) => Some((*event, raised)),
            Some(_) | None => None,
        });
        let rows: Vec<(&Event, String)> =
            raised.map(|(event, raised)| (event, document(event.tenant, raised))).collect();
        if rows.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "INSERT INTO finding_search (tenant_id, finding_id, document)
             SELECT r.tenant_id, r.finding_id, r.document::tsvector
             FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS r (tenant_id, finding_id, document)
             ON CONFLICT (tenant_id, finding_id) DO NOTHING",
            &column(&rows, |(event, _)| event.tenant),
            &column(&rows, |(event, _)| event.stream),
            &column(&rows, |(_, document)| document.as_str()) as &[&str],
        )
        .execute(transaction)
        .await?;
        Ok(())
    }
}

/// The finding's words with their places, as Postgres reads a `tsvector`.
fn document(tenant: Uuid, raised: &finding::v1::Raised) -> String {
    let mark = tenant_mark(tenant);
    let texts = [Some(&raised.title), raised.description.as_ref(), raised.component.as_ref()].into_iter().flatten();
    let mut document = String::new();
    let mut place = 0;
    for text in texts.chain(&raised.cves) {
        for word in words(text) {
            place += 1;
            for text in word.also.iter().chain([&word.text]) {
                document.push_str(&format!("'{mark}{text}':{} ", place.min(PLACE_MAX)));
            }
        }
        place += TEXTS_APART;
    }
    document
}

//! The numbers a dashboard begins with: findings by severity, disposition and device type, new and closed ones per day,
//! devices by type, and which devices are worst off. It remembers of each finding and device what a number depends on, so
//! that every change moves counters by a difference and nothing is ever counted again.

mod counters;
mod devices;
mod findings;

use domain::vocabulary::StreamKind;
use event_schemas::{Written, finding};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::event::Event;
use crate::failure::Failure;
use crate::projection::Projection;
use crate::rows::fold;

#[derive(Debug)]
pub(crate) struct Summary;

impl Projection for Summary {
    const NAME: &'static str = "summary";

    fn reads(kind: StreamKind) -> bool {
        matches!(kind, StreamKind::Device | StreamKind::Finding)
    }

    /// A finding counts under its device's type, so it waits with its device.
    fn hangs_below(event: &Event) -> Option<Uuid> {
        match event.written() {
            Some(Written::Finding(finding::Written::Raised(raised))) => raised.device,
            Some(_) | None => None,
        }
    }

    async fn apply(events: &[&Event], transaction: &mut PgConnection) -> Result<(), Failure> {
        let of_kind = |kind| events.iter().copied().filter(|event| event.kind == Some(kind)).collect::<Vec<_>>();
        let devices = fold::<devices::DeviceRow>(&of_kind(StreamKind::Device), transaction).await?;
        // Before the findings, which ask for their devices' types. A device comes before its findings in the log, too.
        devices::store(&devices, transaction).await?;
        let mut findings = fold::<findings::FindingRow>(&of_kind(StreamKind::Finding), transaction).await?;
        findings::add_device_types(&mut findings, transaction).await?;
        findings::store(&findings, transaction).await?;
        counters::move_by(&devices, &findings, transaction).await
    }
}

//! What a projection is: a name, the kinds of streams it reads, and how events become rows.

use domain::vocabulary::StreamKind;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::event::{Event, Fault};
use crate::failure::Failure;

/// Events arrive by partition and seq, each once, and their rows are committed together with the checkpoint. So `apply`
/// needs no memory and must keep none.
pub(crate) trait Projection: Send + 'static {
    const NAME: &'static str;

    /// Raised when the same events make other rows. A program fills only generations of its own version, so that two
    /// programs of one rolling upgrade never write into each other's rows.
    const APPLY_VERSION: i16 = 1;

    /// Other kinds pass it by. It may still ignore events of those it reads.
    fn reads(kind: StreamKind) -> bool;

    /// The stream this event's stream hangs below, if this projection needs that one's rows: parked together.
    fn hangs_below(_event: &Event) -> Option<Uuid> {
        None
    }

    /// Why this projection cannot read the event, if so. Most need to know all that it says.
    fn fault(event: &Event) -> Option<&Fault> {
        event.header.as_ref().err().or(event.content.as_ref().err())
    }

    /// Tables are named alone: the transaction's search path says which generation's they are.
    fn apply(events: &[&Event], transaction: &mut PgConnection) -> impl Future<Output = Result<(), Failure>> + Send;
}

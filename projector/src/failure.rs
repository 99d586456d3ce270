//! Why a batch was not applied, told apart by what follows from it.

use sqlx::error::DatabaseError;

use crate::event::{Fault, Place};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// One event contradicts what came before it: it is parked.
    #[error("the event at {}/{} cannot follow what came before: {}", .0.partition, .0.seq, .1.0)]
    Guilty(Place, Fault),
    /// Some event carries what Postgres refuses to store: the batch is bisected until it is alone.
    #[error("the database refused a value")]
    Data(#[source] sqlx::Error),
    /// The batch starts after what the checkpoint says: what lies between is read from the store.
    #[error("partition {partition} was applied up to {applied}, the batch begins after that")]
    Gap { partition: i16, applied: i64 },
    /// The log has no such event: it was read before a restore. The feed forgets what it has and the batch is read again.
    #[error("the event at {}/{} of epoch {epoch} is not, or no longer, in the log", place.partition, place.seq)]
    Stale { place: Place, epoch: i32 },
    /// The feed promised what the log does not have. It is asked again, once it has looked.
    #[error("the log does not have what comes after {} of partition {}, which the feed promised", .0.seq, .0.partition)]
    Missing(Place),
    /// The log was restored to before this position: nothing may be applied on top of it.
    #[error("the checkpoint of partition {partition} names epoch {epoch}, seq {seq}, which a later epoch took back")]
    TakenBack { partition: i16, epoch: i32, seq: i64 },
    /// The generation has no checkpoints: it was retired.
    #[error("the generation is gone")]
    Gone,
    /// The machine, not the event: tried again for ever.
    #[error("the database cannot do it now")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        let sql_state = error.as_database_error().and_then(DatabaseError::code);
        match sql_state.as_deref() {
            // Data exceptions and violated constraints lie in the data; every other class lies in the circumstances.
            Some(code) if code.starts_with("22") || code.starts_with("23") => Self::Data(error),
            Some(_) | None => Self::Database(error),
        }
    }
}

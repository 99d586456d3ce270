//! What an operator may want of a projection.

use uuid::Uuid;

use crate::projection::Scope;
use crate::vocabulary::{Generation, Justification, Partition, ProjectionName, StreamId, TenantId};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub projection: ProjectionName,
    pub wish: Wish,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Fold the log into a new generation beside the live one; `switch`: and let queries read it once it is ready.
    Rebuild {
        switch: bool,
    },
    /// Let queries read this generation.
    Switch {
        generation: Generation,
    },
    /// Throw a generation away that queries do not read.
    Retire {
        generation: Generation,
    },
    /// Apply nothing for a while: to one generation, or to all there are.
    Pause {
        generation: Option<Generation>,
    },
    Resume {
        generation: Option<Generation>,
    },
    /// Fold a part of the log again and compare.
    Verify {
        scope: Scope,
    },
    /// The same, and replace what differs.
    Repair {
        partition: Partition,
    },
    /// Apply what waits of a parked stream, now that the cause may be gone. Without a generation, in all of them.
    RetryStream {
        tenant: TenantId,
        stream: StreamId,
        generation: Option<Generation>,
    },
    /// Leave a parked event out, in this and in later generations, and go on behind it.
    SkipEvent {
        tenant: TenantId,
        stream: StreamId,
        event: Uuid,
        reason: Justification,
    },
}

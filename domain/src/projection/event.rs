//! What was decided about a projection. What came of it is the read side's to tell.

use uuid::Uuid;

use crate::vocabulary::{Generation, Justification, Partition, ProjectionName, StreamId, TenantId};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub projection: ProjectionName,
    pub decision: Decision,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    RebuildRequested { generation: Generation, switch: bool },
    SwitchRequested { generation: Generation },
    RetireRequested { generation: Generation },
    Paused { generation: Option<Generation> },
    Resumed { generation: Option<Generation> },
    VerifyRequested { scope: Scope },
    RepairRequested { partition: Partition },
    StreamRetried { tenant: TenantId, stream: StreamId, generation: Option<Generation> },
    EventSkipped { tenant: TenantId, stream: StreamId, event: Uuid, reason: Justification },
}

/// What a verification looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One partition, drawn by the projector when it begins.
    Sample,
    /// From the first to the last, both included.
    Partitions { first: Partition, last: Partition },
}

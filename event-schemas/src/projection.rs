//! The written events of a projection: what operators decided about it.

pub mod v1;

use domain::projection::{Decision, Event, Scope};
use domain::vocabulary::{Generation, Justification, Partition, ProjectionName, StreamId, TenantId};

use crate::codec::{EncodeError, Recorded, SealContext};
use crate::family::written_events;
use crate::parse::{Broken, in_field, text};

written_events! {
    Projection in crate::Written = crate::Written::Projection {
        "projection.rebuild-requested" => RebuildRequested(v1::RebuildRequested) 1;
        "projection.switch-requested" => SwitchRequested(v1::SwitchRequested) 1;
        "projection.retire-requested" => RetireRequested(v1::RetireRequested) 1;
        "projection.paused" => Paused(v1::Paused) 1;
        "projection.resumed" => Resumed(v1::Resumed) 1;
        "projection.verify-requested" => VerifyRequested(v1::VerifyRequested) 1;
        "projection.repair-requested" => RepairRequested(v1::RepairRequested) 1;
        "projection.stream-retried" => StreamRetried(v1::StreamRetried) 1;
        "projection.event-skipped" => EventSkipped(v1::EventSkipped) 1;
    }
}

impl Recorded for Event {
    fn write(&self, _: &SealContext<'_>) -> Result<crate::Written, EncodeError> {
        Ok(crate::Written::Projection(written(self.projection.to_string(), &self.decision)))
    }

    fn read(written: crate::Written) -> Result<Self, Broken> {
        let crate::Written::Projection(written) = written else {
            return Err(Broken::of_another_kind("a projection", written.type_name()));
        };
        let (projection, decision) = decision(written)?;
        Ok(Self { projection: text("/projection", &projection, ProjectionName::parse)?, decision })
    }
}

fn written(projection: String, decision: &Decision) -> Written {
    use Decision as D;
    let number = |generation: Option<Generation>| generation.map(Generation::number);
    match *decision {
        D::RebuildRequested { generation, switch } => {
            Written::RebuildRequested(v1::RebuildRequested { projection, generation: generation.number(), switch })
        }
        D::SwitchRequested { generation } => {
            Written::SwitchRequested(v1::SwitchRequested { projection, generation: generation.number() })
        }
        D::RetireRequested { generation } => {
            Written::RetireRequested(v1::RetireRequested { projection, generation: generation.number() })
        }
        D::Paused { generation } => Written::Paused(v1::Paused { projection, generation: number(generation) }),
        D::Resumed { generation } => Written::Resumed(v1::Resumed { projection, generation: number(generation) }),
        D::VerifyRequested { scope } => {
            Written::VerifyRequested(v1::VerifyRequested { projection, partitions: partitions(scope) })
        }
        D::RepairRequested { partition } => {
            Written::RepairRequested(v1::RepairRequested { projection, partition: partition.into() })
        }
        D::StreamRetried { tenant, stream, generation } => Written::StreamRetried(v1::StreamRetried {
            projection,
            tenant: tenant.uuid(),
            stream: stream.uuid(),
            generation: number(generation),
        }),
        D::EventSkipped { tenant, stream, event, ref reason } => Written::EventSkipped(v1::EventSkipped {
            projection,
            tenant: tenant.uuid(),
            stream: stream.uuid(),
            event,
            reason: reason.to_string(),
        }),
    }
}

fn decision(written: Written) -> Result<(String, Decision), Broken> {
    use Decision as D;
    Ok(match written {
        Written::RebuildRequested(event) => {
            (event.projection, D::RebuildRequested { generation: generation(event.generation)?, switch: event.switch })
        }
        Written::SwitchRequested(event) => {
            (event.projection, D::SwitchRequested { generation: generation(event.generation)? })
        }
        Written::RetireRequested(event) => {
            (event.projection, D::RetireRequested { generation: generation(event.generation)? })
        }
        Written::Paused(event) => {
            (event.projection, D::Paused { generation: event.generation.map(generation).transpose()? })
        }
        Written::Resumed(event) => {
            (event.projection, D::Resumed { generation: event.generation.map(generation).transpose()? })
        }
        Written::VerifyRequested(event) => (event.projection, D::VerifyRequested { scope: scope(event.partitions)? }),
        Written::RepairRequested(event) => {
            let partition = Partition::new(event.partition).map_err(in_field("/partition"))?;
            (event.projection, D::RepairRequested { partition })
        }
        Written::StreamRetried(event) => {
            let generation = event.generation.map(generation).transpose()?;
            let (tenant, stream) = (TenantId::new(event.tenant), StreamId::new(event.stream));
            (event.projection, D::StreamRetried { tenant, stream, generation })
        }
        Written::EventSkipped(event) => {
            let reason = text("/reason", &event.reason, Justification::parse)?;
            let (tenant, stream) = (TenantId::new(event.tenant), StreamId::new(event.stream));
            (event.projection, D::EventSkipped { tenant, stream, event: event.event, reason })
        }
    })
}

fn generation(number: u32) -> Result<Generation, Broken> {
    Generation::new(number).map_err(in_field("/generation"))
}

fn partitions(scope: Scope) -> Option<v1::Partitions> {
    match scope {
        Scope::Sample => None,
        Scope::Partitions { first, last } => Some(v1::Partitions { first: first.into(), last: last.into() }),
    }
}

fn scope(partitions: Option<v1::Partitions>) -> Result<Scope, Broken> {
    let partition = |number| Partition::new(number).map_err(in_field("/partitions"));
    Ok(match partitions {
        None => Scope::Sample,
        Some(v1::Partitions { first, last }) => Scope::Partitions { first: partition(first)?, last: partition(last)? },
    })
}

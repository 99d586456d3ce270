//! Arbitrary decisions about projections.

use domain::projection::{Decision, Event, Scope};
use domain::vocabulary::{GENERATION_MAX, Generation, Partition, ProjectionName, StreamId, TenantId};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use super::{id, reason};

pub(in crate::tests) fn projection() -> impl Strategy<Value = Event> {
    (select(ProjectionName::ALL), decision()).prop_map(|(projection, decision)| Event { projection, decision })
}

fn decision() -> impl Strategy<Value = Decision> {
    use Decision as D;
    let about = || (id(TenantId::new), id(StreamId::new));
    prop_oneof![
        (generation(), any::<bool>()).prop_map(|(generation, switch)| D::RebuildRequested { generation, switch }),
        generation().prop_map(|generation| D::SwitchRequested { generation }),
        generation().prop_map(|generation| D::RetireRequested { generation }),
        option::of(generation()).prop_map(|generation| D::Paused { generation }),
        option::of(generation()).prop_map(|generation| D::Resumed { generation }),
        scope().prop_map(|scope| D::VerifyRequested { scope }),
        partition().prop_map(|partition| D::RepairRequested { partition }),
        (about(), option::of(generation())).prop_map(|((tenant, stream), generation)| D::StreamRetried {
            tenant,
            stream,
            generation
        }),
        (about(), any::<u128>(), reason()).prop_map(|((tenant, stream), event, reason)| D::EventSkipped {
            tenant,
            stream,
            event: Uuid::from_u128(event),
            reason
        }),
    ]
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        Just(Scope::Sample),
        (partition(), partition()).prop_map(|(first, last)| Scope::Partitions { first, last }),
    ]
}

fn generation() -> impl Strategy<Value = Generation> {
    (1..=GENERATION_MAX).prop_map(|number| Generation::new(number).unwrap())
}

fn partition() -> impl Strategy<Value = Partition> {
    (0..64_u32).prop_map(|number| Partition::new(number).unwrap())
}

//! What operators may decide about a projection, as sentences.

use proptest::prelude::*;
use uuid::Uuid;

use crate::decider::Decider;
use crate::projection::{Command, Decision, Event, Projection, Refusal, SKIPS_MAX, Scope, Wish};
use crate::testing::given;
use crate::vocabulary::{Generation, Justification, Partition, ProjectionName, StreamId, TenantId, Timestamp};

#[test]
fn the_first_rebuild_makes_the_second_generation_and_each_later_one_the_next() {
    given::<Projection>([]).when(want(Wish::Rebuild { switch: false }), NOW).then([rebuilt(2)]);
    given::<Projection>([rebuilt(2)]).when(want(Wish::Rebuild { switch: false }), NOW).then([rebuilt(3)]);
}

#[test]
fn a_generation_that_was_never_made_cannot_be_steered() {
    for wish in [
        Wish::Switch { generation: number(2) },
        Wish::Retire { generation: number(2) },
        Wish::Pause { generation: Some(number(2)) },
        Wish::Resume { generation: Some(number(2)) },
        Wish::RetryStream { tenant: TENANT, stream: STREAM, generation: Some(number(2)) },
    ] {
        given::<Projection>([]).when(want(wish), NOW).then_refused(Refusal::UnknownGeneration);
    }
}

#[test]
fn a_switch_may_be_asked_for_again_since_it_may_have_failed() {
    let switched = event(Decision::SwitchRequested { generation: number(2) });
    let again = want(Wish::Switch { generation: number(2) });
    given::<Projection>([rebuilt(2), switched.clone()]).when(again, NOW).then([switched]);
}

#[test]
fn pausing_what_is_paused_and_resuming_what_runs_changes_nothing() {
    given::<Projection>([paused(None)]).when(want(Wish::Pause { generation: None }), NOW).then([]);
    given::<Projection>([paused(None)]).when(want(Wish::Pause { generation: Some(number(1)) }), NOW).then([]);
    given::<Projection>([]).when(want(Wish::Resume { generation: None }), NOW).then([]);
    given::<Projection>([]).when(want(Wish::Resume { generation: Some(number(1)) }), NOW).then([]);
}

#[test]
fn what_is_paused_as_a_whole_is_resumed_as_a_whole() {
    let one = want(Wish::Resume { generation: Some(number(1)) });
    given::<Projection>([paused(None)]).when(one, NOW).then_refused(Refusal::PausedAsAWhole);
    let all = want(Wish::Resume { generation: None });
    let resumed = event(Decision::Resumed { generation: None });
    let after = given::<Projection>([paused(Some(1)), paused(None)]).when(all, NOW).then([resumed]);
    assert_eq!(after, Projection::default());
}

#[test]
fn a_range_of_no_partition_is_not_verified() {
    let scope = Scope::Partitions { first: Partition::LAST, last: Partition::FIRST };
    given::<Projection>([]).when(want(Wish::Verify { scope }), NOW).then_refused(Refusal::EmptyScope);
}

#[test]
fn an_event_is_skipped_once() {
    let skipped = event(skip(1));
    given::<Projection>([]).when(want(skip_wish(1)), NOW).then([skipped.clone()]);
    given::<Projection>([skipped]).when(want(skip_wish(1)), NOW).then([]);
}

#[test]
fn skipping_has_an_end() {
    let many: Vec<Event> = (0..SKIPS_MAX).map(|n| event(skip(n as u128))).collect();
    given::<Projection>(many).when(want(skip_wish(u128::MAX)), NOW).then_refused(Refusal::TooManySkips);
}

#[test]
fn each_projection_has_a_stream_and_each_decision_an_operation_of_its_own() {
    let streams: std::collections::BTreeSet<_> = ProjectionName::ALL.iter().map(|name| name.stream()).collect();
    assert_eq!(streams.len(), ProjectionName::ALL.len());
    assert_ne!(ProjectionName::Users.operation(1), ProjectionName::Users.operation(2));
    assert_ne!(ProjectionName::Users.operation(1), ProjectionName::Scans.operation(1));
}

proptest! {
    #[test]
    fn whatever_is_decided_can_be_replayed(wishes in prop::collection::vec(any_wish(), 0..20)) {
        let mut projection = Projection::initial();
        for wish in wishes {
            let Ok(events) = projection.decide(want(wish), NOW) else { continue };
            projection = events.iter().try_fold(projection, Projection::evolve)?;
        }
    }
}

fn any_wish() -> impl Strategy<Value = Wish> {
    let generation = || (1..4_u32).prop_map(number);
    let partition = || (0..64_u32).prop_map(|number| Partition::new(number).unwrap());
    prop_oneof![
        any::<bool>().prop_map(|switch| Wish::Rebuild { switch }),
        generation().prop_map(|generation| Wish::Switch { generation }),
        generation().prop_map(|generation| Wish::Retire { generation }),
        prop::option::of(generation()).prop_map(|generation| Wish::Pause { generation }),
        prop::option::of(generation()).prop_map(|generation| Wish::Resume { generation }),
        Just(Wish::Verify { scope: Scope::Sample }),
        (partition(), partition()).prop_map(|(first, last)| Wish::Verify { scope: Scope::Partitions { first, last } }),
        partition().prop_map(|partition| Wish::Repair { partition }),
        prop::option::of(generation()).prop_map(|generation| Wish::RetryStream {
            tenant: TENANT,
            stream: STREAM,
            generation
        }),
        (0..3_u128).prop_map(skip_wish),
    ]
}

const NOW: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);
const TENANT: TenantId = TenantId::DEPLOYMENT;
const STREAM: StreamId = StreamId::new(Uuid::from_u128(7));

fn want(wish: Wish) -> Command {
    Command { projection: ProjectionName::Findings, wish }
}

fn event(decision: Decision) -> Event {
    Event { projection: ProjectionName::Findings, decision }
}

fn rebuilt(generation: u32) -> Event {
    event(Decision::RebuildRequested { generation: number(generation), switch: false })
}

fn paused(generation: Option<u32>) -> Event {
    event(Decision::Paused { generation: generation.map(number) })
}

fn skip(id: u128) -> Decision {
    let reason = Justification::parse("cannot be read").unwrap();
    Decision::EventSkipped { tenant: TENANT, stream: STREAM, event: Uuid::from_u128(id), reason }
}

fn skip_wish(id: u128) -> Wish {
    let reason = Justification::parse("cannot be read").unwrap();
    Wish::SkipEvent { tenant: TENANT, stream: STREAM, event: Uuid::from_u128(id), reason }
}

fn number(number: u32) -> Generation {
    Generation::new(number).unwrap()
}

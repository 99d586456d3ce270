//! What may happen to an organization, as sentences.

use proptest::prelude::*;

use crate::decider::{Decider, Reservation};
use crate::organization::{Command, DEVICE_LIMIT_MAX_DEVICES, Event, Organization, Plan, Refusal};
use crate::testing::given;
use crate::vocabulary::{Justification, Name, Slug, Timestamp};

#[test]
fn a_new_organization_gets_the_device_limit_of_its_plan() {
    given::<Organization>([]).when(found(None), NOW).then([founded(5_000)]);
}

#[test]
fn an_operator_may_grant_another_device_limit() {
    given::<Organization>([]).when(found(Some(7)), NOW).then([founded(7)]);
}

#[test]
fn a_device_limit_beyond_what_a_deployment_holds_is_refused() {
    let too_many = Some(DEVICE_LIMIT_MAX_DEVICES + 1);
    given::<Organization>([]).when(found(too_many), NOW).then_refused(Refusal::DeviceLimitTooHigh);
    let change = Command::ChangePlan { plan: Plan::Enterprise, device_limit: too_many };
    given::<Organization>([founded(7)]).when(change, NOW).then_refused(Refusal::DeviceLimitTooHigh);
}

#[test]
fn founding_an_organization_again_changes_nothing() {
    given::<Organization>([founded(5_000)]).when(found(None), NOW).then([]);
}

#[test]
fn an_organization_is_not_founded_twice_on_different_terms() {
    given::<Organization>([founded(5_000)]).when(found(Some(9)), NOW).then_refused(Refusal::AlreadyFounded);
}

#[test]
fn changing_the_plan_brings_the_new_plans_device_limit() {
    let change = Command::ChangePlan { plan: Plan::Enterprise, device_limit: None };
    let changed = Event::PlanChanged { plan: Plan::Enterprise, device_limit: 1_000_000 };
    given::<Organization>([founded(7)]).when(change, NOW).then([changed]);
}

#[test]
fn the_device_limit_may_change_within_the_plan() {
    let change = Command::ChangePlan { plan: Plan::Team, device_limit: Some(9) };
    let changed = Event::PlanChanged { plan: Plan::Team, device_limit: 9 };
    given::<Organization>([founded(7)]).when(change, NOW).then([changed]);
}

#[test]
fn changing_to_the_plan_one_has_changes_nothing() {
    let change = Command::ChangePlan { plan: Plan::Team, device_limit: None };
    given::<Organization>([founded(5_000)]).when(change, NOW).then([]);
}

#[test]
fn a_suspended_organization_may_change_its_plan_and_stays_suspended() {
    let change = Command::ChangePlan { plan: Plan::Free, device_limit: None };
    let changed = Event::PlanChanged { plan: Plan::Free, device_limit: 100 };
    let after = given::<Organization>([founded(7), suspended()]).when(change, NOW).then([changed]);
    assert!(matches!(after, Organization::Suspended(terms) if terms.plan == Plan::Free));
}

#[test]
fn a_suspended_organization_is_closed_until_it_is_resumed() {
    let after = given::<Organization>([founded(7)]).when(suspend(), NOW).then([suspended()]);
    assert!(!after.index().open);
    let after = given::<Organization>([founded(7), suspended()]).when(Command::Resume, NOW).then([Event::Resumed]);
    assert!(after.index().open);
}

#[test]
fn suspending_a_suspended_organization_changes_nothing() {
    given::<Organization>([founded(7), suspended()]).when(suspend(), NOW).then([]);
}

#[test]
fn resuming_an_active_organization_changes_nothing() {
    given::<Organization>([founded(7)]).when(Command::Resume, NOW).then([]);
}

#[test]
fn what_was_never_founded_cannot_be_steered() {
    let change = Command::ChangePlan { plan: Plan::Free, device_limit: None };
    for command in [change, suspend(), Command::Resume] {
        given::<Organization>([]).when(command, NOW).then_refused(Refusal::NotFounded);
    }
}

#[test]
fn an_organization_holds_its_slug_and_its_ceiling_even_while_suspended() {
    for history in [vec![founded(7)], vec![founded(7), suspended()]] {
        let given = given::<Organization>(history);
        assert_eq!(given.state().holds(), [Reservation::deployment("slug:acme")]);
        assert_eq!(given.state().ceilings(), [("devices", 7)]);
    }
    assert_eq!(Organization::initial().holds(), []);
    assert_eq!(Organization::initial().ceilings(), []);
}

#[test]
fn plans_read_back_as_they_are_written() {
    for plan in Plan::ALL {
        assert_eq!(Plan::parse(plan.as_str()), Ok(*plan));
    }
    assert!(Plan::parse("Free").is_err());
}

proptest! {
    #[test]
    fn whatever_is_decided_can_be_replayed_and_deciding_it_again_yields_nothing(
        commands in prop::collection::vec(any_command(), 0..20),
    ) {
        let mut organization = Organization::initial();
        for command in commands {
            let Ok(events) = organization.decide(command.clone(), NOW) else { continue };
            organization = events.iter().try_fold(organization, Organization::evolve)?;
            prop_assert_eq!(organization.decide(command, NOW), Ok(vec![]));
        }
    }
}

fn any_command() -> impl Strategy<Value = Command> {
    let plan = prop::sample::select(Plan::ALL);
    let limit = prop::option::of(prop_oneof![0..3_u32, Just(DEVICE_LIMIT_MAX_DEVICES + 1)]);
    prop_oneof![
        limit.clone().prop_map(found),
        (plan, limit).prop_map(|(plan, device_limit)| Command::ChangePlan { plan, device_limit }),
        Just(suspend()),
        Just(Command::Resume),
    ]
}

const NOW: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);

fn found(device_limit: Option<u32>) -> Command {
    Command::Found { slug: slug(), name: name(), plan: Plan::Team, device_limit }
}

fn founded(device_limit: u32) -> Event {
    Event::Founded { slug: slug(), name: name(), plan: Plan::Team, device_limit }
}

fn suspend() -> Command {
    Command::Suspend { reason: Some(reason()) }
}

fn suspended() -> Event {
    Event::Suspended { reason: Some(reason()) }
}

fn slug() -> Slug {
    Slug::parse("acme").unwrap()
}

fn name() -> Name {
    Name::parse("Acme Ltd").unwrap()
}

fn reason() -> Justification {
    Justification::parse("Unpaid since March").unwrap()
}

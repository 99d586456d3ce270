//! What is written down at the door, as sentences.

use proptest::prelude::*;

use crate::access::flood::{Aggregate, Flood, Tally};
use crate::access::{
    Access, AccountHash, Command, DenialSource, Event, LogInFailure, LogInSource, NetworkPrefix, Operation, Refusal,
};
use crate::decider::{Decider, fold};
use crate::testing::given;
use crate::vocabulary::{Role, StreamId, TenantId, Timestamp};

#[test]
fn a_failed_log_in_is_recorded_with_its_reason() {
    given::<Access>([]).when(failed_log_in(), NOW).then([log_in_failed()]);
}

#[test]
fn a_missing_right_is_recorded_with_the_role_that_lacked_it() {
    let event = Event::Denied { operation: raise(), role: Some(Role::Viewer) };
    given::<Access>([]).when(denial(), NOW).then([event]);
}

#[test]
fn a_minute_of_failed_log_ins_is_one_event() {
    let command = Command::RecordFailedLogIns { account_hash: ana(), tally: three() };
    let event = Event::LogInsFailed { account_hash: ana(), count: 3, from: at(1), until: at(3) };
    given::<Access>([]).when(command, NOW).then([event]);
}

#[test]
fn a_minute_of_denials_is_one_event() {
    let command = Command::RecordDenials { operation: raise(), tally: three() };
    let event = Event::Denials { operation: raise(), count: 3, from: at(1), until: at(3) };
    given::<Access>([]).when(command, NOW).then([event]);
}

#[test]
fn recording_an_occurrence_again_changes_nothing() {
    given::<Access>([log_in_failed()]).when(failed_log_in(), NOW).then([]);
}

#[test]
fn two_occurrences_cannot_share_an_id() {
    given::<Access>([log_in_failed()]).when(denial(), NOW).then_refused(Refusal::RecordedOtherwise);
}

#[test]
fn a_stream_never_holds_a_second_event() {
    let history = fold::<Access>(&[log_in_failed(), log_in_failed()]);
    assert!(history.is_err());
}

#[test]
fn an_occurrence_is_nothing_anybody_waits_for() {
    let state = given::<Access>([log_in_failed()]).state().index();
    assert!(!state.open && state.due_at.is_none());
}

#[test]
fn an_aggregate_goes_into_the_log_of_the_organization_it_concerns() {
    let key = LogInSource { tenant: tenant(), account_hash: ana(), network: network() };
    let (owner, command) = Aggregate { key: Some(key), tally: three() }.into_command();
    assert_eq!(owner, tenant());
    assert_eq!(command, Command::RecordFailedLogIns { account_hash: ana(), tally: three() });
}

#[test]
fn what_found_no_room_goes_into_the_log_of_the_deployment() {
    let mut flood = Flood::with_room_for(0);
    let source = DenialSource {
        tenant: tenant(),
        actor: Some(StreamId::from(tenant())),
        operation: raise(),
        network: network(),
    };
    flood.note(&source, at(1));
    let commands: Vec<_> = flood.drain().into_iter().map(Aggregate::<DenialSource>::into_command).collect();
    let catch_all = Command::RecordDenials { operation: Operation::various(), tally: Tally::one(at(1)) };
    assert_eq!(commands, [(TenantId::DEPLOYMENT, catch_all)]);
}

#[test]
fn an_account_hash_reads_back_as_it_is_written() {
    assert_eq!(AccountHash::parse(&ana().to_string()), Ok(ana()));
    assert!(AccountHash::parse("ana@example.org").is_err());
}

#[test]
fn an_operation_is_short_and_printable() {
    assert_eq!(
        Operation::parse("POST /v1/findings").map(|operation| operation.to_string()),
        Ok("POST /v1/findings".into())
    );
    assert_eq!(Operation::parse(Operation::various().as_str()), Ok(Operation::various()));
    for malformed in ["", "GET /\u{0}", "GET /é", &"x".repeat(129)] {
        assert!(Operation::parse(malformed).is_err(), "{malformed:?}");
    }
}

proptest! {
    #[test]
    fn whatever_is_recorded_can_be_replayed_and_recording_it_again_yields_nothing(command in any_command()) {
        let events = Access::initial().decide(command.clone(), NOW)?;
        let state = fold::<Access>(&events)?;
        prop_assert_eq!(state.decide(command, NOW)?, vec![]);
    }
}

fn any_command() -> impl Strategy<Value = Command> {
    let hash = any::<[u8; 32]>().prop_map(AccountHash::new);
    let reason = prop::sample::select(LogInFailure::ALL);
    let role = prop::option::of(prop::sample::select(Role::ALL));
    prop_oneof![
        (hash.clone(), reason).prop_map(|(account_hash, reason)| Command::RecordFailedLogIn { account_hash, reason }),
        hash.prop_map(|account_hash| Command::RecordFailedLogIns { account_hash, tally: three() }),
        role.prop_map(|role| Command::RecordDenial { operation: raise(), role }),
        Just(Command::RecordDenials { operation: raise(), tally: three() }),
    ]
}

const NOW: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);

fn failed_log_in() -> Command {
    Command::RecordFailedLogIn { account_hash: ana(), reason: LogInFailure::WrongPassword }
}

fn log_in_failed() -> Event {
    Event::LogInFailed { account_hash: ana(), reason: LogInFailure::WrongPassword }
}

fn denial() -> Command {
    Command::RecordDenial { operation: raise(), role: Some(Role::Viewer) }
}

fn ana() -> AccountHash {
    AccountHash::new([0xa1; 32])
}

fn raise() -> Operation {
    Operation::parse("POST /v1/findings").unwrap()
}

fn tenant() -> TenantId {
    TenantId::new(uuid::Uuid::from_u128(7))
}

fn network() -> NetworkPrefix {
    NetworkPrefix::of("203.0.113.77".parse().unwrap())
}

fn three() -> Tally {
    Tally::one(at(1)).and(Tally::one(at(2))).and(Tally::one(at(3)))
}

const fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000)
}

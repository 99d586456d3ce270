//! What may happen to a scanner's key, as sentences.

use proptest::prelude::*;

use crate::api_key::{ApiKey, Command, Event, PublicId, Refusal};
use crate::decider::Decider;
use crate::testing::given;
use crate::vocabulary::{Name, Timestamp};

#[test]
fn a_key_is_issued_for_a_scanner_until_a_day() {
    let key = given::<ApiKey>([]).when(issue(Some(30)), day(0)).then([issued(Some(30))]);
    let index = key.index();
    assert!(index.open);
    assert_eq!(index.lane.as_deref(), Some("scanner"));
    assert_eq!(index.due_at, Some(day(30)));
}

#[test]
fn a_key_may_have_no_end() {
    let key = given::<ApiKey>([]).when(issue(None), day(0)).then([issued(None)]);
    assert_eq!(key.index().due_at, None);
}

#[test]
fn a_key_that_ends_does_so_within_a_year() {
    given::<ApiKey>([]).when(issue(Some(365)), day(0)).then([issued(Some(365))]);
    given::<ApiKey>([]).when(issue(Some(366)), day(0)).then_refused(Refusal::TooLong);
}

#[test]
fn a_key_cannot_end_before_it_is_issued() {
    given::<ApiKey>([]).when(issue(Some(3)), day(3)).then_refused(Refusal::EndNotInFuture);
}

#[test]
fn issuing_a_key_again_changes_nothing() {
    given::<ApiKey>([issued(Some(30))]).when(issue(Some(30)), day(1)).then([]);
}

#[test]
fn a_key_is_not_issued_again_with_another_end() {
    given::<ApiKey>([issued(Some(30))]).when(issue(Some(31)), day(1)).then_refused(Refusal::AlreadyIssued);
}

#[test]
fn a_revoked_key_opens_nothing_any_more() {
    let key = given::<ApiKey>([issued(Some(30))]).when(Command::Revoke, day(1)).then([Event::Revoked]);
    let index = key.index();
    assert!(!index.open);
    assert_eq!(index.lane.as_deref(), Some("scanner"));
    assert_eq!(index.due_at, None);
}

#[test]
fn revoking_a_key_twice_changes_nothing() {
    given::<ApiKey>([issued(None), Event::Revoked]).when(Command::Revoke, day(1)).then([]);
}

#[test]
fn revoking_an_expired_key_changes_nothing() {
    given::<ApiKey>([issued(Some(30)), Event::Expired]).when(Command::Revoke, day(31)).then([]);
}

#[test]
fn a_key_expires_when_its_time_is_up() {
    given::<ApiKey>([issued(Some(30))]).when(Command::Expire, day(30)).then([Event::Expired]);
}

#[test]
fn a_key_does_not_expire_early_and_one_without_end_never_does() {
    given::<ApiKey>([issued(Some(30))]).when(Command::Expire, day(29)).then_refused(Refusal::NotYetExpired);
    given::<ApiKey>([issued(None)]).when(Command::Expire, day(9_999)).then_refused(Refusal::NotYetExpired);
}

#[test]
fn a_revoked_key_does_not_expire_as_well() {
    given::<ApiKey>([issued(Some(30)), Event::Revoked]).when(Command::Expire, day(30)).then([]);
}

#[test]
fn an_ended_key_is_not_issued_again() {
    given::<ApiKey>([issued(None), Event::Revoked]).when(issue(None), day(1)).then_refused(Refusal::Ended);
}

#[test]
fn what_was_never_issued_cannot_end() {
    for command in [Command::Revoke, Command::Expire] {
        given::<ApiKey>([]).when(command, day(0)).then_refused(Refusal::NotIssued);
    }
}

#[test]
fn a_public_id_is_twelve_letters_and_digits() {
    assert_eq!(PublicId::parse("0aZ9bY8cX7dW").map(String::from), Ok("0aZ9bY8cX7dW".to_owned()));
    for malformed in ["", "0aZ9bY8cX7d", "0aZ9bY8cX7dW1", "0aZ9bY8cX7d_", "0aZ9bY8cX7é"] {
        assert!(PublicId::parse(malformed).is_err(), "{malformed:?}");
    }
}

proptest! {
    #[test]
    fn whatever_is_decided_can_be_replayed_and_deciding_it_again_yields_nothing(
        steps in prop::collection::vec((any_command(), 0..20_i64), 0..20),
    ) {
        let (mut key, mut now) = (ApiKey::initial(), 0);
        for (command, days) in steps {
            now += days;
            let Ok(events) = key.decide(command.clone(), day(now)) else { continue };
            key = events.iter().try_fold(key, ApiKey::evolve)?;
            prop_assert_eq!(key.decide(command, day(now)), Ok(vec![]));
        }
    }
}

fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![prop::option::of(0..120_i64).prop_map(issue), Just(Command::Revoke), Just(Command::Expire)]
}

fn issue(end: Option<i64>) -> Command {
    Command::Issue { name: name(), public_id: public_id(), expires_at: end.map(day) }
}

fn issued(end: Option<i64>) -> Event {
    Event::Issued { name: name(), public_id: public_id(), expires_at: end.map(day) }
}

fn name() -> Name {
    Name::parse("Nessus in the basement").unwrap()
}

fn public_id() -> PublicId {
    PublicId::parse("0aZ9bY8cX7dW").unwrap()
}

const fn day(days: i64) -> Timestamp {
    Timestamp::from_micros(days * 24 * 60 * 60 * 1_000_000)
}

//! What may happen to a session, as sentences.

use proptest::prelude::*;
use uuid::Uuid;

use crate::decider::Decider;
use crate::session::{Command, Event, Refusal, Session};
use crate::testing::given;
use crate::vocabulary::{StreamId, Timestamp, UserId};

#[test]
fn a_log_in_starts_a_session_of_its_user() {
    let session = given::<Session>([]).when(start(ana(), 10), minute(0)).then([started()]);
    let index = session.index();
    assert_eq!(index.parent, Some(StreamId::from(ana())));
    assert!(index.open);
    assert_eq!(index.due_at, Some(minute(10)));
}

#[test]
fn starting_a_session_again_changes_nothing() {
    given::<Session>([started()]).when(start(ana(), 10), minute(1)).then([]);
}

#[test]
fn a_session_changes_neither_hands_nor_end() {
    for other in [start(ben(), 10), start(ana(), 11)] {
        given::<Session>([started()]).when(other, minute(1)).then_refused(Refusal::AlreadyStarted);
    }
}

#[test]
fn a_session_cannot_end_before_it_starts() {
    given::<Session>([]).when(start(ana(), 10), minute(10)).then_refused(Refusal::EndNotInFuture);
}

#[test]
fn a_session_lasts_twelve_hours_at_most() {
    let longest = Event::Started { user: ana(), expires_at: minute(720) };
    given::<Session>([]).when(start(ana(), 720), minute(0)).then([longest]);
    given::<Session>([]).when(start(ana(), 721), minute(0)).then_refused(Refusal::TooLong);
}

#[test]
fn logging_out_ends_the_session() {
    let session = given::<Session>([started()]).when(Command::LogOut, minute(1)).then([Event::LoggedOut]);
    let index = session.index();
    assert_eq!(index.parent, Some(StreamId::from(ana())));
    assert!(!index.open);
    assert_eq!(index.due_at, None);
}

#[test]
fn logging_out_twice_changes_nothing() {
    given::<Session>([started(), Event::LoggedOut]).when(Command::LogOut, minute(2)).then([]);
}

#[test]
fn logging_out_after_the_time_is_up_changes_nothing() {
    given::<Session>([started(), Event::Expired]).when(Command::LogOut, minute(20)).then([]);
}

#[test]
fn a_session_expires_when_its_time_is_up() {
    given::<Session>([started()]).when(Command::Expire, minute(10)).then([Event::Expired]);
}

#[test]
fn a_session_does_not_expire_early() {
    given::<Session>([started()]).when(Command::Expire, minute(9)).then_refused(Refusal::NotYetExpired);
}

#[test]
fn a_session_that_was_left_does_not_expire_as_well() {
    given::<Session>([started(), Event::LoggedOut]).when(Command::Expire, minute(10)).then([]);
}

#[test]
fn an_ended_session_is_not_started_again() {
    given::<Session>([started(), Event::LoggedOut]).when(start(ana(), 10), minute(2)).then_refused(Refusal::Ended);
}

#[test]
fn what_was_never_started_cannot_end() {
    for command in [Command::LogOut, Command::Expire] {
        given::<Session>([]).when(command, minute(0)).then_refused(Refusal::NotStarted);
    }
}

proptest! {
    #[test]
    fn whatever_is_decided_can_be_replayed_and_deciding_it_again_yields_nothing(
        steps in prop::collection::vec((any_command(), 0..5_i64), 0..20),
    ) {
        let (mut session, mut now) = (Session::initial(), 0);
        for (command, minutes) in steps {
            now += minutes;
            let Ok(events) = session.decide(command, minute(now)) else { continue };
            session = events.iter().try_fold(session, Session::evolve)?;
            prop_assert_eq!(session.decide(command, minute(now)), Ok(vec![]));
        }
    }
}

fn any_command() -> impl Strategy<Value = Command> {
    let user = prop::sample::select(vec![ana(), ben()]);
    prop_oneof![
        (user, 0..30_i64).prop_map(|(user, end)| start(user, end)),
        Just(Command::LogOut),
        Just(Command::Expire)
    ]
}

fn start(user: UserId, end: i64) -> Command {
    Command::Start { user, expires_at: minute(end) }
}

fn started() -> Event {
    Event::Started { user: ana(), expires_at: minute(10) }
}

const fn ana() -> UserId {
    UserId::new(Uuid::from_u128(1))
}

const fn ben() -> UserId {
    UserId::new(Uuid::from_u128(2))
}

const fn minute(minutes: i64) -> Timestamp {
    Timestamp::from_micros(minutes * 60 * 1_000_000)
}

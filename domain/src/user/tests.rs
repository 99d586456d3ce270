//! What may happen to a user, as sentences.

use proptest::prelude::*;
use uuid::Uuid;

use crate::decider::{Decider, Reason};
use crate::testing::given;
use crate::user::{By, Command, Event, Invite, Refusal, User};
use crate::vocabulary::{CredentialId, EmailAddress, InvitationId, LoginName, Name, Personal, Role, Timestamp, UserId};

#[test]
fn an_invited_person_may_not_log_in_yet() {
    let user = given::<User>([]).when(invite(FIRST, 7), day(0)).then([invited(FIRST, 7)]);
    assert!(!user.index().open);
    assert_eq!(user.index().lane.as_deref(), Some("analyst"));
}

#[test]
fn inviting_with_the_same_invitation_again_changes_nothing() {
    given::<User>([invited(FIRST, 7)]).when(invite(FIRST, 7), day(1)).then([]);
}

#[test]
fn a_lost_invitation_is_replaced_while_it_is_still_good() {
    given::<User>([invited(FIRST, 7)]).when(invite(SECOND, 14), day(6)).then([invited(SECOND, 14)]);
}

#[test]
fn somebody_whose_invitation_has_run_out_is_invited_again() {
    given::<User>([invited(FIRST, 7)]).when(invite(SECOND, 14), day(7)).then([invited(SECOND, 14)]);
}

#[test]
fn an_invitation_must_lie_in_the_future_and_not_too_far() {
    given::<User>([]).when(invite(FIRST, 3), day(3)).then_refused(Refusal::EndNotInFuture);
    given::<User>([]).when(invite(FIRST, 30), day(0)).then([invited(FIRST, 30)]);
    given::<User>([]).when(invite(FIRST, 31), day(0)).then_refused(Refusal::TooLong);
}

#[test]
fn a_working_user_is_not_invited_again() {
    given::<User>([invited(FIRST, 7), accepted()])
        .when(invite(SECOND, 9), day(2))
        .then_refused(Refusal::AlreadyAccepted);
}

#[test]
fn accepting_the_invitation_lets_the_user_in() {
    let user = given::<User>([invited(FIRST, 7)]).when(accept(FIRST), day(1)).then([accepted()]);
    assert!(user.index().open);
}

#[test]
fn accepting_with_the_same_credential_again_changes_nothing() {
    given::<User>([invited(FIRST, 7), accepted()]).when(accept(FIRST), day(1)).then([]);
}

#[test]
fn an_invitation_is_accepted_only_once() {
    let again = Command::Accept { invitation: FIRST, credential: CredentialId::new(Uuid::from_u128(99)) };
    given::<User>([invited(FIRST, 7), accepted()]).when(again, day(1)).then_refused(Refusal::AlreadyAccepted);
}

#[test]
fn an_expired_invitation_is_not_accepted() {
    given::<User>([invited(FIRST, 7)]).when(accept(FIRST), day(7)).then_refused(Refusal::InvitationExpired);
}

#[test]
fn another_invitation_is_not_accepted() {
    given::<User>([invited(FIRST, 7)]).when(accept(SECOND), day(1)).then_refused(Refusal::AnotherInvitation);
    given::<User>([invited(FIRST, 7), invited(SECOND, 14)])
        .when(accept(FIRST), day(2))
        .then_refused(Refusal::AnotherInvitation);
}

#[test]
fn a_role_is_set_in_every_standing_and_kept() {
    for history in [
        vec![invited(FIRST, 7)],
        vec![invited(FIRST, 7), accepted()],
        vec![invited(FIRST, 7), accepted(), Event::Disabled],
    ] {
        let set = Event::RoleSet { role: Role::Auditor };
        let user = given::<User>(history).when(set_role(Role::Auditor, By::Another), day(1)).then([set]);
        assert_eq!(user.index().lane.as_deref(), Some("auditor"));
    }
}

#[test]
fn setting_the_role_one_has_changes_nothing() {
    given::<User>([invited(FIRST, 7), accepted()]).when(set_role(Role::Analyst, By::Another), day(1)).then([]);
}

#[test]
fn nobody_changes_their_own_role() {
    given::<User>([invited(FIRST, 7), accepted()])
        .when(set_role(Role::Administrator, By::Themself), day(1))
        .then_refused(Refusal::OwnRole);
}

#[test]
fn a_disabled_user_is_shut_out_until_enabled() {
    let user = given::<User>([invited(FIRST, 7), accepted()]).when(disable(), day(1)).then([Event::Disabled]);
    assert!(!user.index().open);
    let user = given::<User>([invited(FIRST, 7), accepted(), Event::Disabled])
        .when(Command::Enable, day(2))
        .then([Event::Enabled]);
    assert!(user.index().open);
}

#[test]
fn nobody_disables_themselves() {
    given::<User>([invited(FIRST, 7), accepted()])
        .when(Command::Disable { by: By::Themself }, day(1))
        .then_refused(Refusal::OwnAccess);
}

#[test]
fn disabling_a_disabled_user_changes_nothing() {
    given::<User>([invited(FIRST, 7), accepted(), Event::Disabled]).when(disable(), day(1)).then([]);
}

#[test]
fn enabling_a_user_who_is_not_disabled_changes_nothing() {
    given::<User>([invited(FIRST, 7)]).when(Command::Enable, day(1)).then([]);
    given::<User>([invited(FIRST, 7), accepted()]).when(Command::Enable, day(1)).then([]);
}

#[test]
fn somebody_disabled_before_they_came_cannot_come_until_enabled() {
    let disabled = [invited(FIRST, 7), Event::Disabled];
    given::<User>(disabled.clone()).when(accept(FIRST), day(1)).then_refused(Refusal::Disabled);
    given::<User>(disabled.clone()).when(invite(SECOND, 14), day(8)).then_refused(Refusal::Disabled);
    let user = given::<User>(disabled).when(Command::Enable, day(2)).then([Event::Enabled]);
    assert_eq!(user.decide(accept(FIRST), day(3)), Ok(vec![accepted()]));
    assert_eq!(user.decide(invite(SECOND, 14), day(3)), Ok(vec![invited(SECOND, 14)]));
}

#[test]
fn a_stranger_can_neither_accept_nor_be_steered() {
    for command in [accept(FIRST), set_role(Role::Viewer, By::Another), disable(), Command::Enable] {
        given::<User>([]).when(command, day(0)).then_refused(Refusal::NotInvited);
    }
}

#[test]
fn only_the_user_in_person_is_themself() {
    let (ana, ben) = (UserId::new(Uuid::from_u128(1)), UserId::new(Uuid::from_u128(2)));
    assert_eq!(By::of(Some(ana), ana), By::Themself);
    assert_eq!(By::of(Some(ben), ana), By::Another);
    assert_eq!(By::of(None, ana), By::Another);
}

#[test]
fn a_user_is_folded_from_events_whose_personal_fields_are_withheld() {
    let withheld = Event::Invited {
        login: Personal::Withheld,
        display_name: Some(Personal::Withheld),
        email: None,
        role: Role::Analyst,
        invitation: FIRST,
        expires_at: day(7),
    };
    let clear = given::<User>([invited(FIRST, 7)]);
    assert_eq!(given::<User>([withheld]).state(), clear.state());
}

#[test]
fn neither_a_command_nor_an_event_shows_a_name_when_printed_for_a_log() {
    let printed = format!("{:?} {:?}", invite(FIRST, 7), invited(FIRST, 7)).to_lowercase();
    for personal in ["ana.login", "ana display", "ana@example.org"] {
        assert!(!printed.contains(personal), "{personal} in {printed}");
    }
}

proptest! {
    #[test]
    fn whatever_is_decided_can_be_replayed_and_deciding_it_again_yields_nothing(
        steps in prop::collection::vec((any_command(), 0..4_i64), 0..40),
    ) {
        let (mut user, mut now) = (User::initial(), 0);
        for (command, days) in steps {
            now += days;
            match user.decide(command.clone(), day(now)) {
                Ok(events) => {
                    user = events.iter().try_fold(user, User::evolve)?;
                    prop_assert_eq!(user.decide(command, day(now)), Ok(vec![]));
                }
                Err(refusal) => prop_assert!(!refusal.code().is_empty()),
            }
        }
    }
}

fn any_command() -> impl Strategy<Value = Command> {
    let invitation = || prop::sample::select(vec![FIRST, SECOND]);
    let by = || prop::sample::select(vec![By::Themself, By::Another]);
    let role = prop::sample::select(Role::ALL);
    prop_oneof![
        (invitation(), 0..60_i64).prop_map(|(invitation, end)| invite(invitation, end)),
        invitation().prop_map(accept),
        (role, by()).prop_map(|(role, by)| set_role(role, by)),
        by().prop_map(|by| Command::Disable { by }),
        Just(Command::Enable),
    ]
}

const FIRST: InvitationId = InvitationId::new(Uuid::from_u128(11));
const SECOND: InvitationId = InvitationId::new(Uuid::from_u128(12));
const CREDENTIAL: CredentialId = CredentialId::new(Uuid::from_u128(21));

fn invite(invitation: InvitationId, end: i64) -> Command {
    Command::Invite(Invite {
        login: login(),
        display_name: Some(Personal::Clear(display_name())),
        email: Some(email()),
        role: Role::Analyst,
        invitation,
        expires_at: day(end),
    })
}

fn invited(invitation: InvitationId, end: i64) -> Event {
    Event::Invited {
        login: Personal::Clear(login()),
        display_name: Some(Personal::Clear(display_name())),
        email: Some(Personal::Clear(email())),
        role: Role::Analyst,
        invitation,
        expires_at: day(end),
    }
}

fn accept(invitation: InvitationId) -> Command {
    Command::Accept { invitation, credential: CREDENTIAL }
}

fn accepted() -> Event {
    Event::Accepted { credential: CREDENTIAL }
}

fn set_role(role: Role, by: By) -> Command {
    Command::SetRole { role, by }
}

fn disable() -> Command {
    Command::Disable { by: By::Another }
}

fn login() -> LoginName {
    LoginName::parse("ana.login").unwrap()
}

fn display_name() -> Name {
    Name::parse("Ana Display").unwrap()
}

fn email() -> EmailAddress {
    EmailAddress::parse("ana@example.org").unwrap()
}

const fn day(days: i64) -> Timestamp {
    Timestamp::from_micros(days * 24 * 60 * 60 * 1_000_000)
}

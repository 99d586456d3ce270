//! Sentences about living with a finding for a while.

use super::{ana, because, ben, day, given, known, observe, raised, resolve, resolved, seen_as};
use crate::{
    decider::Decider,
    finding::{
        ACCEPTANCE_MAX_DAYS,
        Command::{self, *},
        Event, Refusal,
    },
    vocabulary::{Disposition, Remediation, Timestamp},
};

fn request(until: Timestamp) -> Command {
    RequestAcceptance { by: ana(), reason: because(), until, proof: None }
}

fn requested(number: u64) -> Event {
    Event::AcceptanceRequested { by: ana(), reason: because(), until: day(number), proof: None }
}

fn approved() -> Event {
    Event::AcceptanceApproved { by: ben() }
}

fn approve() -> Command {
    ApproveAcceptance { by: ben() }
}

fn decline() -> Command {
    DeclineAcceptance { by: ben(), reason: None }
}

fn declined() -> Event {
    Event::AcceptanceDeclined { by: ben(), reason: None }
}

#[test]
fn while_an_acceptance_is_requested_the_finding_counts_as_open() {
    let finding = given([raised(), Event::WorkStarted]).when(request(day(30)), day(1)).then([requested(30)]);
    let expected = (true, Disposition::AcceptanceRequested, Some(Remediation::InProgress));
    assert_eq!(seen_as(&finding), expected);
    assert_eq!(finding.index().due_at, Some(day(30)));
    given([raised(), requested(30)]).when(Start, day(2)).then([Event::WorkStarted]);
}

#[test]
fn the_same_request_again_changes_nothing_but_another_one_must_wait() {
    given([raised(), requested(30)]).when(request(day(30)), day(2)).then([]);
    given([raised(), requested(30)]).when(request(day(31)), day(2)).then_refused(Refusal::AcceptancePending);
}

#[test]
fn an_acceptance_ends_in_the_future_and_within_a_year() {
    given([raised()]).when(request(day(1)), day(1)).then_refused(Refusal::EndNotInFuture);
    let last = day(1 + ACCEPTANCE_MAX_DAYS);
    given([raised()]).when(request(last), day(1)).then([requested(1 + ACCEPTANCE_MAX_DAYS)]);
    let too_far = day(2 + ACCEPTANCE_MAX_DAYS);
    given([raised()]).when(request(too_far), day(1)).then_refused(Refusal::EndTooFar);
}

#[test]
fn only_what_is_detected_and_not_suppressed_can_be_accepted() {
    let suppressed = [raised(), Event::MarkedOutOfScope { reason: because() }];
    given(suppressed).when(request(day(9)), day(1)).then_refused(Refusal::Suppressed);
    given([raised(), resolved(1)]).when(request(day(9)), day(1)).then_refused(Refusal::NotDetected);
    let accepted = [raised(), requested(30), approved()];
    given(accepted).when(request(day(60)), day(2)).then_refused(Refusal::AlreadyAccepted);
}

#[test]
fn another_person_approves() {
    let alone = ApproveAcceptance { by: ana() };
    given([raised(), requested(30)]).when(alone, day(2)).then_refused(Refusal::DecidedByRequester);
    let finding = given([raised(), requested(30)]).when(approve(), day(2)).then([approved()]);
    assert_eq!(seen_as(&finding), (true, Disposition::Accepted, None));
    assert_eq!(finding.index().due_at, Some(day(30)));
    given([raised(), requested(30), approved()]).when(approve(), day(2)).then([]);
}

#[test]
fn a_request_that_ran_out_is_not_approved() {
    given([raised(), requested(30)]).when(approve(), day(30)).then_refused(Refusal::RequestRanOut);
}

#[test]
fn another_person_declines_and_the_work_goes_on() {
    let alone = DeclineAcceptance { by: ana(), reason: None };
    given([raised(), requested(30)]).when(alone, day(2)).then_refused(Refusal::DecidedByRequester);
    let history = [raised(), Event::Confirmed, Event::WorkStarted, requested(30)];
    let finding = given(history).when(decline(), day(2)).then([declined()]);
    assert_eq!(seen_as(&finding), (true, Disposition::Confirmed, Some(Remediation::InProgress)));
    assert_eq!(finding.index().due_at, None);
}

#[test]
fn nobody_decides_about_what_nobody_requested() {
    given([raised()]).when(approve(), day(2)).then_refused(Refusal::NoAcceptanceRequested);
    given([raised()]).when(decline(), day(2)).then_refused(Refusal::NoAcceptanceRequested);
    let accepted = [raised(), requested(30), approved()];
    given(accepted).when(decline(), day(2)).then_refused(Refusal::AlreadyAccepted);
}

#[test]
fn a_pending_request_is_decided_before_the_finding_is_triaged() {
    let mark = MarkFalsePositive { reason: because() };
    given([raised(), requested(30)]).when(mark, day(2)).then_refused(Refusal::AcceptancePending);
    given([raised(), requested(30)]).when(Confirm, day(2)).then_refused(Refusal::AcceptancePending);
}

#[test]
fn an_accepted_finding_comes_back_as_it_was_when_its_time_is_up() {
    let accepted = || [raised(), Event::Confirmed, requested(30), approved()];
    given(accepted()).when(LapseAcceptance, day(29)).then_refused(Refusal::NotYetLapsed);
    let finding = given(accepted()).when(LapseAcceptance, day(30)).then([Event::AcceptanceLapsed]);
    assert_eq!(seen_as(&finding), (true, Disposition::Confirmed, Some(Remediation::Open)));
    assert_eq!(finding.index().due_at, None);
}

#[test]
fn a_request_nobody_decided_lapses_too() {
    let finding = given([raised(), requested(30)]).when(LapseAcceptance, day(30)).then([Event::AcceptanceLapsed]);
    assert_eq!(seen_as(&finding), (true, Disposition::Untriaged, Some(Remediation::Open)));
}

#[test]
fn an_acceptance_lapses_also_while_the_finding_is_gone() {
    let history = [raised(), requested(30), approved(), resolved(2)];
    let finding = given(history).when(LapseAcceptance, day(30)).then([Event::AcceptanceLapsed]);
    assert_eq!(seen_as(&finding), (false, Disposition::Untriaged, Some(Remediation::Open)));
}

#[test]
fn a_timer_that_comes_twice_finds_nothing_to_say() {
    given([raised()]).when(LapseAcceptance, day(30)).then([]);
    given([raised(), requested(30), Event::AcceptanceLapsed]).when(LapseAcceptance, day(30)).then([]);
}

#[test]
fn an_accepted_finding_that_went_and_came_back_is_still_accepted() {
    let history = [raised(), requested(30), approved(), resolved(2)];
    let finding = given(history).when(observe(3), day(3)).then([Event::DetectedAgain { observed_at: day(3) }]);
    assert_eq!(seen_as(&finding), (true, Disposition::Accepted, None));
}

#[test]
fn confirming_ends_an_acceptance_early() {
    let finding = given([raised(), requested(30), approved()]).when(Confirm, day(2)).then([Event::Confirmed]);
    assert_eq!(seen_as(&finding), (true, Disposition::Confirmed, Some(Remediation::Open)));
}

#[test]
fn a_request_is_withdrawn_when_the_finding_goes() {
    let finding = given([raised(), requested(30)]).when(resolve(), day(2)).then([resolved(2)]);
    assert_eq!(seen_as(&finding), (false, Disposition::Untriaged, Some(Remediation::Open)));
    assert_eq!(known(&finding).situation.due_at(), None);
}

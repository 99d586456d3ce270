//! Sentences about findings.

mod acceptance;
mod identity;
mod properties;

use std::time::Duration;

use uuid::Uuid;

use super::{
    Command::{self, *},
    Event, Finding, Known, Refusal, Report,
};
use crate::{
    decider::Decider,
    testing::{Given, given as given_events},
    vocabulary::{
        CvssVector, CvssVectors, DeviceId, Disposition, Justification, Label, Note as NoteText, Remediation, Severity,
        Timestamp, Title, UserId,
    },
};

pub(super) fn given(events: impl IntoIterator<Item = Event>) -> Given<Finding> {
    given_events(events)
}

pub(super) fn day(number: u64) -> Timestamp {
    Timestamp::from_micros(1_790_000_000_000_000).plus(Duration::from_secs(number * 86_400))
}

pub(super) fn user(number: u128) -> UserId {
    UserId::new(Uuid::from_u128(number))
}

pub(super) fn ana() -> UserId {
    user(1)
}

pub(super) fn ben() -> UserId {
    user(2)
}

pub(super) fn because() -> Justification {
    Justification::parse("it was looked at").unwrap()
}

pub(super) fn report() -> Report {
    let kind = Label::parse("vulnerability").unwrap();
    let title = Title::parse("Outdated OpenSSL").unwrap();
    Report::new(kind, title, Severity::High, day(0))
}

pub(super) fn raised() -> Event {
    Event::Raised { report: report(), identity: None }
}

fn claimed() -> Event {
    Event::FixClaimed { note: None }
}

fn verified(number: u64) -> Event {
    Event::FixVerified { at: day(number) }
}

pub(super) fn resolved(number: u64) -> Event {
    Event::Resolved { reason: None, at: day(number) }
}

fn false_positive() -> Event {
    Event::MarkedFalsePositive { reason: because() }
}

fn out_of_scope() -> Event {
    Event::MarkedOutOfScope { reason: because() }
}

fn mark_false_positive() -> Command {
    MarkFalsePositive { reason: because() }
}

pub(super) fn observe(number: u64) -> Command {
    Observe { observed_at: day(number) }
}

pub(super) fn resolve() -> Command {
    Resolve { reason: None }
}

fn reopen() -> Command {
    Reopen { reason: None }
}

pub(super) fn known(finding: &Finding) -> &Known {
    finding.known().unwrap()
}

fn seen_as(finding: &Finding) -> (bool, Disposition, Option<Remediation>) {
    let triple = known(finding).situation.triple();
    (finding.index().open, triple.disposition, triple.remediation)
}

#[test]
fn a_finding_is_raised_open_and_untriaged() {
    let finding = given([]).when(Raise(report()), day(0)).then([raised()]);
    assert_eq!(seen_as(&finding), (true, Disposition::Untriaged, Some(Remediation::Open)));
}

#[test]
fn a_finding_hangs_below_its_device_in_the_lane_of_its_tool() {
    let device = DeviceId::new(Uuid::from_u128(7));
    let report = Report { device: Some(device), ..report() };
    let index = given([Event::Raised { report, identity: None }]).state().index();
    assert_eq!(index.parent, Some(device.into()));
    assert_eq!(index.lane.as_deref(), Some("manual"));
    assert_eq!(index.due_at, None);
}

#[test]
fn a_finding_without_a_score_takes_that_of_its_newest_vector() {
    let mut report = report();
    let vectors = ["AV:N/AC:L/Au:N/C:N/I:N/A:P", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"];
    let vectors = vectors.map(|vector| CvssVector::parse(vector).unwrap());
    report.cvss = CvssVectors::new(vectors).unwrap();
    let events = Finding::initial().decide(Raise(report), day(0)).unwrap();
    let [Event::Raised { report, .. }] = events.as_slice() else { panic!("not raised") };
    assert_eq!(report.cvss_score.map(|score| score.tenths()), Some(98));
}

#[test]
fn a_second_scan_of_a_detected_finding_changes_nothing() {
    given([raised()]).when(Raise(report()), day(1)).then([]);
    given([raised()]).when(observe(1), day(1)).then([]);
    given([raised(), false_positive()]).when(observe(1), day(1)).then([]);
}

#[test]
fn a_finding_that_went_and_is_seen_again_is_open_again() {
    let history = [raised(), Event::Confirmed, claimed(), verified(1)];
    let finding = given(history).when(observe(2), day(2)).then([Event::DetectedAgain { observed_at: day(2) }]);
    assert_eq!(seen_as(&finding), (true, Disposition::Confirmed, Some(Remediation::Open)));
}

#[test]
fn raising_a_finding_that_went_is_seeing_it_again() {
    let again = Report { observed_at: day(2), ..report() };
    given([raised(), resolved(1)]).when(Raise(again), day(2)).then([Event::DetectedAgain { observed_at: day(2) }]);
}

#[test]
fn an_observation_older_than_the_resolution_does_not_bring_a_finding_back() {
    given([raised(), resolved(5)]).when(observe(4), day(6)).then([]);
    given([raised(), claimed(), verified(5)]).when(observe(5), day(6)).then([]);
}

#[test]
fn a_suppressed_finding_stays_suppressed_when_it_is_seen_again() {
    let history = [raised(), false_positive(), resolved(1)];
    let finding = given(history).when(observe(2), day(2)).then([Event::DetectedAgain { observed_at: day(2) }]);
    assert_eq!(seen_as(&finding), (true, Disposition::FalsePositive, None));
}

#[test]
fn nothing_is_observed_in_the_future() {
    given([]).when(Raise(Report { observed_at: day(2), ..report() }), day(1)).then_refused(Refusal::ObservedInFuture);
    given([raised()]).when(observe(2), day(1)).then_refused(Refusal::ObservedInFuture);
}

#[test]
fn what_was_never_raised_takes_no_command() {
    given([]).when(Confirm, day(1)).then_refused(Refusal::NotRaised);
    given([]).when(observe(1), day(1)).then_refused(Refusal::NotRaised);
    given([]).when(LapseAcceptance, day(1)).then_refused(Refusal::NotRaised);
}

#[test]
fn a_severity_changes_only_to_another_one() {
    let change = |severity| ChangeSeverity { severity, reason: Some(because()) };
    let changed = Event::SeverityChanged { severity: Severity::Low, reason: Some(because()) };
    let finding = given([raised()]).when(change(Severity::Low), day(1)).then([changed.clone()]);
    assert_eq!(known(&finding).severity, Severity::Low);
    given([raised()]).when(change(Severity::High), day(1)).then([]);
    given([raised(), changed]).when(change(Severity::Low), day(1)).then([]);
}

#[test]
fn a_finding_is_confirmed_once() {
    given([raised()]).when(Confirm, day(1)).then([Event::Confirmed]);
    given([raised(), Event::Confirmed]).when(Confirm, day(1)).then([]);
}

#[test]
fn confirming_keeps_the_work_that_was_begun() {
    let finding = given([raised(), Event::WorkStarted]).when(Confirm, day(1)).then([Event::Confirmed]);
    assert_eq!(seen_as(&finding), (true, Disposition::Confirmed, Some(Remediation::InProgress)));
}

#[test]
fn confirming_takes_a_mark_back() {
    let finding = given([raised(), false_positive()]).when(Confirm, day(1)).then([Event::Confirmed]);
    assert_eq!(seen_as(&finding), (true, Disposition::Confirmed, Some(Remediation::Open)));
    let gone = given([raised(), out_of_scope(), resolved(1)]).when(Confirm, day(2)).then([Event::Confirmed]);
    assert_eq!(seen_as(&gone), (false, Disposition::Confirmed, Some(Remediation::Open)));
}

#[test]
fn a_false_positive_is_marked_once_and_owes_no_repair() {
    let finding = given([raised(), Event::WorkStarted]).when(mark_false_positive(), day(1)).then([false_positive()]);
    assert_eq!(seen_as(&finding), (true, Disposition::FalsePositive, None));
    given([raised(), false_positive()]).when(mark_false_positive(), day(1)).then([]);
    given([raised(), out_of_scope()]).when(mark_false_positive(), day(1)).then([false_positive()]);
}

#[test]
fn what_is_out_of_scope_is_marked_once_even_when_it_is_gone() {
    let mark = || MarkOutOfScope { reason: because() };
    given([raised()]).when(mark(), day(1)).then([out_of_scope()]);
    given([raised(), out_of_scope()]).when(mark(), day(1)).then([]);
    let gone = given([raised(), resolved(1)]).when(mark(), day(2)).then([out_of_scope()]);
    assert_eq!(seen_as(&gone), (false, Disposition::OutOfScope, None));
    given([raised(), out_of_scope(), resolved(1)]).when(mark(), day(2)).then([]);
}

#[test]
fn work_starts_once_and_again_when_the_fix_was_none() {
    given([raised()]).when(Start, day(1)).then([Event::WorkStarted]);
    given([raised(), Event::WorkStarted]).when(Start, day(1)).then([]);
    given([raised(), claimed()]).when(Start, day(1)).then([Event::WorkStarted]);
}

#[test]
fn nobody_works_on_what_is_suppressed_or_gone() {
    given([raised(), false_positive()]).when(Start, day(1)).then_refused(Refusal::Suppressed);
    given([raised(), false_positive()]).when(ClaimFixed { note: None }, day(1)).then_refused(Refusal::Suppressed);
    given([raised(), false_positive()]).when(Verify, day(1)).then_refused(Refusal::Suppressed);
    given([raised(), resolved(1)]).when(Start, day(1)).then_refused(Refusal::NotDetected);
}

#[test]
fn a_fix_is_claimed_once_also_after_the_finding_went() {
    let note = Some(NoteText::parse("patched").unwrap());
    let claimed_so = Event::FixClaimed { note: note.clone() };
    given([raised()]).when(ClaimFixed { note: note.clone() }, day(1)).then([claimed_so.clone()]);
    given([raised(), claimed()]).when(ClaimFixed { note: note.clone() }, day(1)).then([]);
    let gone = given([raised(), resolved(1)]).when(ClaimFixed { note }, day(2)).then([claimed_so]);
    assert_eq!(seen_as(&gone), (false, Disposition::Untriaged, Some(Remediation::ClaimedFixed)));
}

#[test]
fn only_a_claimed_fix_is_verified_and_then_the_finding_is_gone() {
    given([raised()]).when(Verify, day(1)).then_refused(Refusal::FixNotClaimed);
    given([raised(), resolved(1)]).when(Verify, day(1)).then_refused(Refusal::FixNotClaimed);
    let finding = given([raised(), claimed()]).when(Verify, day(1)).then([verified(1)]);
    assert_eq!(seen_as(&finding), (false, Disposition::Untriaged, Some(Remediation::Verified)));
    given([raised(), claimed(), resolved(1)]).when(Verify, day(2)).then([verified(2)]);
    given([raised(), claimed(), verified(1)]).when(Verify, day(2)).then([]);
}

#[test]
fn a_finding_is_assigned_to_one_person_or_nobody() {
    let to = |assignee| Event::Assigned { assignee };
    let assign = |assignee| Assign { assignee };
    given([raised()]).when(assign(Some(ana())), day(1)).then([to(Some(ana()))]);
    given([raised(), to(Some(ana()))]).when(assign(Some(ana())), day(1)).then([]);
    given([raised(), to(Some(ana()))]).when(assign(Some(ben())), day(1)).then([to(Some(ben()))]);
    let free = given([raised(), to(Some(ana()))]).when(assign(None), day(1)).then([to(None)]);
    assert_eq!(known(&free).assignee, None);
    given([raised()]).when(assign(None), day(1)).then([]);
}

#[test]
fn every_note_is_kept_even_the_same_one_twice() {
    let text = NoteText::parse("seen on the test system too").unwrap();
    let noted = Event::Noted { text: text.clone() };
    given([raised(), noted.clone()]).when(Note { text }, day(1)).then([noted]);
}

#[test]
fn a_person_resolves_and_reopens() {
    let finding = given([raised(), Event::WorkStarted]).when(resolve(), day(1)).then([resolved(1)]);
    assert_eq!(seen_as(&finding), (false, Disposition::Untriaged, Some(Remediation::Open)));
    given([raised(), resolved(1)]).when(resolve(), day(2)).then([]);

    let reopened = Event::Reopened { reason: None };
    let finding = given([raised(), Event::Confirmed, resolved(1)]).when(reopen(), day(2)).then([reopened]);
    assert_eq!(seen_as(&finding), (true, Disposition::Confirmed, Some(Remediation::Open)));
    given([raised()]).when(reopen(), day(2)).then([]);
}

#[test]
fn a_history_that_cannot_have_happened_is_reported_without_its_content() {
    let state = Finding::initial();
    let impossible = state.evolve(&false_positive()).unwrap_err();
    assert_eq!(impossible.to_string(), "the event MarkedFalsePositive cannot have happened in the state Unraised");
    let twice = given([raised()]).state().clone().evolve(&raised());
    assert!(twice.is_err());
}

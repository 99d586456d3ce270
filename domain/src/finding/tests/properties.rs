//! Laws every sequence of commands obeys.

use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*};

use super::{because, day, report, user};
use crate::{
    decider::{Decider, fold},
    finding::{Command, Event, Finding, Report, Triple},
    vocabulary::{Detection, Disposition, Note, Remediation, Severity, Timestamp, UserId},
};

/// The table of the module's documentation.
fn legal_triples() -> BTreeSet<Triple> {
    use {Detection as D, Disposition as P, Remediation as R};
    let mut legal = BTreeSet::new();
    let mut add = |detection, dispositions: &[P], remediations: &[Option<R>]| {
        for disposition in dispositions {
            for remediation in remediations {
                legal.insert(Triple { detection, disposition: *disposition, remediation: *remediation });
            }
        }
    };
    let suppressed = [P::FalsePositive, P::OutOfScope, P::Accepted];
    add(
        D::Detected,
        &[P::Untriaged, P::Confirmed, P::AcceptanceRequested],
        &[Some(R::Open), Some(R::InProgress), Some(R::ClaimedFixed)],
    );
    add(D::Detected, &suppressed, &[None]);
    add(D::NotDetected, &[P::Untriaged, P::Confirmed], &[Some(R::Open), Some(R::ClaimedFixed), Some(R::Verified)]);
    add(D::NotDetected, &suppressed, &[None]);
    legal
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    (0_u64..40).prop_map(day)
}

fn any_user() -> impl Strategy<Value = UserId> {
    (1_u128..4).prop_map(user)
}

fn any_command() -> impl Strategy<Value = Command> {
    use Command as C;
    let reason = || because();
    prop_oneof![
        any_time().prop_map(|observed_at| C::Raise(Report { observed_at, ..report() })),
        any_time().prop_map(|observed_at| C::Observe { observed_at }),
        prop::sample::select(Severity::ALL).prop_map(|severity| C::ChangeSeverity { severity, reason: None }),
        Just(C::Confirm),
        Just(C::MarkFalsePositive { reason: reason() }),
        Just(C::MarkOutOfScope { reason: reason() }),
        Just(C::Start),
        Just(C::ClaimFixed { note: None }),
        Just(C::Verify),
        prop::option::of(any_user()).prop_map(|assignee| C::Assign { assignee }),
        Just(C::Note { text: Note::parse("seen").unwrap() }),
        (any_user(), any_time())
            .prop_map(|(by, until)| { C::RequestAcceptance { by, reason: because(), until, proof: None } }),
        any_user().prop_map(|by| C::ApproveAcceptance { by }),
        any_user().prop_map(|by| C::DeclineAcceptance { by, reason: None }),
        Just(C::LapseAcceptance),
        Just(C::Resolve { reason: None }),
        Just(C::Reopen { reason: None }),
    ]
}

/// Commands with the times they come at, which may jump in either direction: a replay must not care.
fn any_commands() -> impl Strategy<Value = Vec<(Command, Timestamp)>> {
    vec((any_command(), any_time()), 0..60)
}

/// Starts from a raised finding, or most sequences would be refused whole.
fn start() -> (Finding, Vec<Event>) {
    let events = Finding::initial().decide(Command::Raise(report()), day(0)).unwrap();
    (fold(&events).unwrap(), events)
}

proptest! {
    #[test]
    fn whatever_is_decided_can_be_replayed(commands in any_commands()) {
        let (mut finding, mut history) = start();
        for (command, now) in commands {
            let Ok(events) = finding.decide(command, now) else { continue };
            finding = events.iter().try_fold(finding, Finding::evolve).unwrap();
            history.extend(events);
        }
        prop_assert_eq!(fold::<Finding>(&history).unwrap(), finding);
    }

    #[test]
    fn deciding_the_same_again_yields_no_event(commands in any_commands()) {
        let (mut finding, _) = start();
        for (command, now) in commands {
            let Ok(events) = finding.decide(command.clone(), now) else { continue };
            finding = events.iter().try_fold(finding, Finding::evolve).unwrap();
            let always_appends = matches!(command, Command::Note { .. });
            let again = finding.decide(command, now).unwrap_or_default();
            prop_assert!(again.is_empty() || always_appends, "{again:?}");
        }
    }

    #[test]
    fn every_reachable_state_is_one_of_the_tables_triples(commands in any_commands()) {
        let legal = legal_triples();
        let (mut finding, _) = start();
        for (command, now) in commands {
            let Ok(events) = finding.decide(command, now) else { continue };
            finding = events.iter().try_fold(finding, Finding::evolve).unwrap();
            let triple = finding.known().unwrap().situation.triple();
            prop_assert!(legal.contains(&triple), "{triple:?}");
        }
    }

    #[test]
    fn what_falls_due_can_lapse_exactly_then(commands in any_commands()) {
        let (mut finding, _) = start();
        for (command, now) in commands {
            let Ok(events) = finding.decide(command, now) else { continue };
            finding = events.iter().try_fold(finding, Finding::evolve).unwrap();
            if let Some(due_at) = finding.index().due_at {
                prop_assert!(finding.decide(Command::LapseAcceptance, due_at).is_ok());
                let before = Timestamp::from_micros(due_at.micros() - 1);
                prop_assert!(finding.decide(Command::LapseAcceptance, before).is_err());
            }
        }
    }
}

/// The table promises no triple that no sequence of commands leads to.
#[test]
fn every_triple_of_the_table_can_be_reached() {
    use Command as C;
    let commands = [
        C::Confirm,
        C::MarkFalsePositive { reason: because() },
        C::MarkOutOfScope { reason: because() },
        C::Start,
        C::ClaimFixed { note: None },
        C::Verify,
        C::RequestAcceptance { by: user(1), reason: because(), until: day(30), proof: None },
        C::ApproveAcceptance { by: user(2) },
        C::Resolve { reason: None },
        C::Reopen { reason: None },
    ];
    let mut reached = BTreeSet::new();
    let mut frontier = vec![start().0];
    while let Some(finding) = frontier.pop() {
        if !reached.insert(finding.known().unwrap().situation.triple()) {
            continue;
        }
        for command in &commands {
            let Ok(events) = finding.decide(command.clone(), day(1)) else { continue };
            frontier.push(events.iter().try_fold(finding.clone(), Finding::evolve).unwrap());
        }
    }
    assert_eq!(reached, legal_triples());
}

//! Random schedules: two loops on one database, batches of any size, loops that die in the middle, and findings whose
//! histories the domain itself decided. At the end the read models are the fold of the log, by the domain's own account
//! and by a second projection of one event at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::decider::Decider;
use domain::finding::{Command, Finding, Report};
use domain::vocabulary::{
    Detection, DeviceId, Justification, Label, Severity, StreamId, TenantId, Timestamp, Title, UserId,
};
use event_schemas::Recorded;
use event_schemas::codec::{NoKeys, SealContext};
use proptest::prelude::*;
use proptest::test_runner::Config as Cases;
use uuid::Uuid;

use super::super::world::{Fact, World, id};
use crate::projections::{devices::Devices, findings::Findings, summary::Summary};

const NOW: Timestamp = Timestamp::from_micros(1_767_614_400_000_000);
const TENANTS: u128 = 3;
const CASES: u32 = 8;

/// A finding, what is wanted of it, and after which of these one of the loops dies.
#[derive(Clone, Debug)]
struct Schedule {
    wishes: Vec<(u128, usize, Severity)>,
    batches: [usize; 2],
    deaths: Vec<usize>,
}

fn schedules() -> impl Strategy<Value = Schedule> {
    let wish = (0_u128..12, 0_usize..COMMANDS, prop::sample::select(Severity::ALL));
    (prop::collection::vec(wish, 1..80), [1_usize..40, 1_usize..40], prop::collection::vec(0_usize..80, 0..4))
        .prop_map(|(wishes, batches, deaths)| Schedule { wishes, batches, deaths })
}

proptest! {
    #![proptest_config(Cases { cases: CASES, max_shrink_iters: 20, failure_persistence: None, ..Cases::default() })]
    #[test]
    fn two_loops_that_die_and_repeat_leave_the_fold_of_the_log(schedule in schedules()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(run(schedule));
    }
}

async fn run(schedule: Schedule) {
    let world = Arc::new(World::new().await);
    let told = Arc::new(AtomicBool::new(false));
    let mut loops: Vec<_> = schedule.batches.iter().map(|&batch| spawn(&world, batch, &told)).collect();
    for tenant in 0..TENANTS {
        world.append_fact(Fact::registered(id(tenant), device_of(tenant), "router")).await;
    }
    let mut findings = BTreeMap::<u128, Finding>::new();
    for (turn, (number, wish, severity)) in schedule.wishes.iter().enumerate() {
        if schedule.deaths.contains(&turn) {
            loops[turn % 2].abort();
            loops[turn % 2] = spawn(&world, schedule.batches[turn % 2], &told);
        }
        let finding = findings.entry(*number).or_insert_with(Finding::initial);
        *finding = decide(&world, *number, finding.clone(), command(*number, *wish, *severity)).await;
    }
    told.store(true, Ordering::Release);
    for each in loops {
        each.await.unwrap();
    }
    assert_eq!(stored(&world).await, expected(&findings));
    let counted = world
        .rows("SELECT severity, detected, sum(n) AS n FROM read.finding_counts GROUP BY 1, 2 HAVING sum(n) <> 0")
        .await;
    let listed = world.rows("SELECT severity, detected, count(*)::numeric AS n FROM read.findings GROUP BY 1, 2").await;
    assert_eq!(counted, listed);
    let live = world.read_models().await;
    world.forget_read_models().await;
    for_each(&world, 1).await;
    world.assert_read_models(&live).await;
}

/// Follows until it was told that the log is complete and has seen its end.
fn spawn(world: &Arc<World>, batch: usize, told: &Arc<AtomicBool>) -> tokio::task::JoinHandle<()> {
    let (world, told) = (Arc::clone(world), Arc::clone(told));
    tokio::spawn(async move {
        loop {
            let complete = told.load(Ordering::Acquire);
            for_each(&world, batch).await;
            if complete {
                return;
            }
        }
    })
}

async fn for_each(world: &World, batch: usize) {
    world.catch_up::<Devices>(batch).await;
    world.catch_up::<Findings>(batch).await;
    world.catch_up::<Summary>(batch).await;
}

async fn decide(world: &World, number: u128, mut finding: Finding, command: Command) -> Finding {
    let (tenant, stream) = (id(number % TENANTS), id(1_000 + number));
    for event in finding.decide(command, NOW).unwrap_or_default() {
        let sealing = SealContext {
            tenant: TenantId::new(tenant),
            stream: StreamId::new(stream),
            event_id: Uuid::nil(),
            keys: &NoKeys,
        };
        world.append_fact(Fact::of(tenant, stream, &event.write(&sealing).unwrap())).await;
        finding = finding.evolve(&event).unwrap();
    }
    finding
}

const COMMANDS: usize = 16;

fn command(number: u128, wish: usize, severity: Severity) -> Command {
    let reason = || Justification::parse("because").unwrap();
    let (one, other) = (UserId::new(id(501)), UserId::new(id(502)));
    let before = NOW.minus(std::time::Duration::from_secs(60));
    match wish {
        0 => Command::Observe { observed_at: NOW },
        1 => Command::ChangeSeverity { severity, reason: None },
        2 => Command::Confirm,
        3 => Command::MarkFalsePositive { reason: reason() },
        4 => Command::MarkOutOfScope { reason: reason() },
        5 => Command::Start,
        6 => Command::ClaimFixed { note: None },
        7 => Command::Verify,
        8 => Command::Assign { assignee: (severity > Severity::Low).then_some(one) },
        9 => {
            let until = NOW.plus(std::time::Duration::from_secs(60));
            Command::RequestAcceptance { by: one, reason: reason(), until, proof: None }
        }
        10 => Command::ApproveAcceptance { by: other },
        11 => Command::DeclineAcceptance { by: other, reason: None },
        12 => Command::Resolve { reason: None },
        13 => Command::Reopen { reason: None },
        14 => Command::LapseAcceptance,
        _ => {
            let (kind, title) = (Label::parse("test").unwrap(), Title::parse("A finding").unwrap());
            let device = (!number.is_multiple_of(4)).then(|| DeviceId::new(device_of(number % TENANTS)));
            Command::Raise(Report { device, ..Report::new(kind, title, severity, before) })
        }
    }
}

fn device_of(tenant: u128) -> Uuid {
    id(100 + tenant)
}

/// As the domain folds it.
fn expected(findings: &BTreeMap<u128, Finding>) -> Vec<String> {
    let row = |(number, finding): (&u128, &Finding)| {
        let known = finding.known()?;
        let triple = known.situation.triple();
        let text = |uuid: Option<Uuid>| uuid.map(|uuid| uuid.to_string()).unwrap_or_default();
        Some(format!(
            "{} {} {} {} {} {}",
            id(1_000 + number),
            known.severity.rank(),
            triple.detection == Detection::Detected,
            triple.disposition,
            triple.remediation.map(|part| part.as_str()).unwrap_or_default(),
            text(known.assignee.map(UserId::uuid))
        ))
    };
    let mut rows: Vec<String> = findings.iter().filter_map(row).collect();
    rows.sort();
    rows
}

async fn stored(world: &World) -> Vec<String> {
    let mut rows: Vec<String> = sqlx::query_scalar(
        "SELECT concat_ws(' ', finding_id, severity, detected::text, disposition, coalesce(remediation, ''), coalesce(assignee::text, ''))
         FROM read.findings",
    )
    .fetch_all(&world.admin)
    .await
    .unwrap();
    rows.sort();
    rows
}

//! Random faults over mixed load: nothing that was acknowledged is lost, nothing happens twice, nothing is out of order.
//!
//! `SECURENET_CHAOS_FAULTS` makes it longer (`./dev test --slow` asks for 200), `SECURENET_CHAOS_SEED` repeats a run.

use acceptance::chaos::fault::Fault;
use acceptance::chaos::stage::Stage;
use acceptance::chaos::{Aftermath, run};
use acceptance::cluster::superuser_pool;
use acceptance::dice::Dice;
use acceptance::history::Log;
use acceptance::load::{Told, assert_agrees};
use acceptance::server::Shape;

const FAULTS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_strikes_one_process_and_its_postgres_the_log_is_whole_and_the_read_models_are_its_fold() {
    strike(Shape::Plain, "chaos, one process").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_strikes_the_shape_of_production_the_log_is_whole_and_everything_that_follows_from_it_agrees() {
    strike(Shape::Full, "chaos, all processes").await;
}

async fn strike(shape: Shape, name: &str) {
    let mut dice = Dice::seeded_by("SECURENET_CHAOS_SEED", name);
    let mut stage = Stage::open(shape).await;
    let aftermath = run(&mut stage, faults(), &mut dice).await;
    judge(&stage, &aftermath).await;
}

async fn judge(stage: &Stage, aftermath: &Aftermath) {
    let admin = superuser_pool(stage.server()).await;
    let log = Log::read_with_models(&admin).await;
    assert_agrees(&log, &aftermath.ledger);
    let count = |told: fn(&Told) -> bool| aftermath.ledger.iter().filter(|sent| told(&sent.told)).count();
    let accepted = count(|told| matches!(told, Told::Accepted { .. }));
    let unanswered = count(|told| matches!(told, Told::Nothing));
    assert!(accepted > aftermath.faults.len(), "only {accepted} commands were accepted, so this proves little");
    assert!(unanswered > 0, "no command was under way at any fault, so this proves little");
    if aftermath.faults.iter().any(|fault| matches!(fault, Fault::PostgresDiskFull(_))) {
        assert!(stage.disks().refused("postgres"), "Postgres's disk ran full, and it did not notice");
    }
}

fn faults() -> usize {
    let named = std::env::var("SECURENET_CHAOS_FAULTS").ok();
    named.map_or(FAULTS, |number| number.parse().expect("a number of faults is a number"))
}

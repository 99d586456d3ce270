//! What can go wrong, and the drawing of what goes wrong next.

use crate::chaos::stage::Stage;
use crate::dice::Dice;
use crate::server::{Role, Shape};

/// From a hiccup to half of what leases and consumer sessions last: a stop past their end is not among these.
const SHORT_MS: (usize, usize) = (50, 500);
const LONG_MS: (usize, usize) = (1_000, 4_000);

/// A process by what it does; of those that do the same, which.
pub type Victim = (Role, usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// kill -9. Its supervisor, or the test where there is none, starts it again.
    Kill(Victim),
    /// The same for every service at once, as when a machine loses power.
    KillAll,
    /// SIGSTOP, and SIGCONT after so long.
    Stop(Victim, Milliseconds),
    /// Postgres ends as in a crash, and is started again.
    PostgresCrash,
    /// Postgres is restarted as an administrator would.
    PostgresRestart,
    /// Postgres is away for so long.
    PostgresAway(Milliseconds),
    /// A backend of this role of Postgres is stopped for so long, with whatever locks it holds.
    BackendStopped(&'static str, Milliseconds),
    /// No file of Postgres can grow for so long.
    PostgresDiskFull(Milliseconds),
    /// No file of Kafka can grow for so long.
    KafkaDiskFull(Milliseconds),
    /// Redis forgets everything.
    RedisFlushed,
    /// Every connection between the services and Postgres breaks, and none is made for so long.
    PostgresCutOff(Milliseconds),
    /// The same with Kafka.
    KafkaCutOff(Milliseconds),
}

pub type Milliseconds = u64;

/// A kind of fault, before chance has filled it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Kill,
    KillAll,
    Stop,
    PostgresCrash,
    PostgresRestart,
    PostgresAway,
    BackendStopped,
    PostgresDiskFull,
    KafkaDiskFull,
    RedisFlushed,
    PostgresCutOff,
    KafkaCutOff,
}

/// Kinds are drawn like cards: each comes once before any comes again, so that a short run has seen them all.
pub struct Deck {
    kinds: Vec<Kind>,
    left: Vec<Kind>,
    victims: Vec<Victim>,
    victims_left: Vec<Victim>,
}

impl Deck {
    /// What this stage can suffer. Processes fail more often than anything else, so their kinds are in it twice.
    pub fn new(stage: &Stage) -> Self {
        let mut kinds = vec![
            Kind::Kill,
            Kind::Kill,
            Kind::Stop,
            Kind::Stop,
            Kind::PostgresCrash,
            Kind::PostgresRestart,
            Kind::PostgresAway,
            Kind::PostgresCutOff,
            Kind::PostgresDiskFull,
            Kind::BackendStopped,
        ];
        if stage.server().shape() == Shape::Full {
            kinds.extend([Kind::Kill, Kind::Kill, Kind::Stop, Kind::KillAll]);
            kinds.extend([Kind::RedisFlushed, Kind::KafkaCutOff, Kind::KafkaDiskFull]);
        }
        Self { kinds, left: vec![], victims: stage.victims(), victims_left: vec![] }
    }

    pub fn draw(&mut self, dice: &mut Dice) -> Fault {
        let kind = drawn(&self.kinds, &mut self.left, dice);
        match kind {
            Kind::Kill => Fault::Kill(drawn(&self.victims, &mut self.victims_left, dice)),
            Kind::Stop => Fault::Stop(drawn(&self.victims, &mut self.victims_left, dice), either(dice)),
            Kind::KillAll => Fault::KillAll,
            Kind::PostgresCrash => Fault::PostgresCrash,
            Kind::PostgresRestart => Fault::PostgresRestart,
            Kind::PostgresAway => Fault::PostgresAway(between(dice, LONG_MS)),
            Kind::BackendStopped => {
                Fault::BackendStopped(dice.one_of(&["writer", "projector", "reader"]), either(dice))
            }
            Kind::PostgresDiskFull => Fault::PostgresDiskFull(between(dice, LONG_MS)),
            Kind::KafkaDiskFull => Fault::KafkaDiskFull(between(dice, LONG_MS)),
            Kind::RedisFlushed => Fault::RedisFlushed,
            Kind::PostgresCutOff => Fault::PostgresCutOff(either(dice)),
            Kind::KafkaCutOff => Fault::KafkaCutOff(either(dice)),
        }
    }
}

/// One of the cards that are left, all of which come back when the last is gone.
fn drawn<T: Copy>(all: &[T], left: &mut Vec<T>, dice: &mut Dice) -> T {
    if left.is_empty() {
        left.extend_from_slice(all);
    }
    left.swap_remove(dice.below(left.len()))
}

fn either(dice: &mut Dice) -> Milliseconds {
    let range = dice.one_of(&[SHORT_MS, LONG_MS]);
    between(dice, range)
}

fn between(dice: &mut Dice, (least, most): (usize, usize)) -> Milliseconds {
    u64::try_from(least + dice.below(most - least)).expect("a usize fits")
}

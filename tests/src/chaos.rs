//! Random faults over mixed load, and then the question whether anything was lost, repeated or reordered.
//!
//! A run strikes one fault after the other, each drawn from a seed that is printed; between two of them the system has
//! to take up work again by itself. At the end everything is let alone, every projection catches up, and the ledgers of
//! those who sent commands are compared with the log, the log with itself, and the read models with its fold.

pub mod bystanders;
pub mod disk;
pub mod fault;
pub mod proxy;
pub mod stage;

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::callers::{Client, Organization};
use crate::chaos::bystanders::Bystanders;
use crate::chaos::fault::Fault;
use crate::chaos::stage::Stage;
use crate::dice::Dice;
use crate::load::{Load, Sent};

const SENDERS: usize = 6;
const ORGANIZATIONS: usize = 2;
/// Access tokens live for ten minutes, and faults take time: people sign in anew after so many.
const FAULTS_A_LEG: usize = 20;
/// What has to be accepted between two faults, at least and at most.
const ACCEPTED_BETWEEN: (usize, usize) = (5, 40);
/// Less than a token's life by as much as one fault may take.
const LEG_MAX: Duration = Duration::from_secs(480);

/// What a run leaves behind, to be judged.
pub struct Aftermath {
    pub organizations: Vec<Uuid>,
    pub ledger: Vec<Sent>,
    /// In the order in which they struck.
    pub faults: Vec<Fault>,
    pub took: Duration,
}

/// Strikes so many faults, and returns once every sender has finished and the system is whole again.
pub async fn run(stage: &mut Stage, faults: usize, dice: &mut Dice) -> Aftermath {
    let started = Instant::now();
    let mut organizations = Vec::new();
    for _ in 0..ORGANIZATIONS {
        organizations.push(Organization::found(stage.server()).await);
    }
    let ids = organizations.iter().map(|organization| organization.id).collect();
    let mut aftermath = Aftermath { organizations: ids, ledger: vec![], faults: vec![], took: Duration::ZERO };
    let mut deck = fault::Deck::new(stage);
    while aftermath.faults.len() < faults {
        stage.settle().await; // whoever signs in is not to be told "not now"
        let leg = FAULTS_A_LEG.min(faults - aftermath.faults.len());
        aftermath.ledger.extend(one_leg(stage, &organizations, leg, &mut deck, &mut aftermath.faults, dice).await);
    }
    stage.settle().await;
    aftermath.took = started.elapsed();
    aftermath
}

async fn one_leg(
    stage: &mut Stage,
    organizations: &[Organization],
    faults: usize,
    deck: &mut fault::Deck,
    struck: &mut Vec<Fault>,
    dice: &mut Dice,
) -> Vec<Sent> {
    let started = Instant::now();
    let (clients, bystanders) = sign_in(stage, organizations, dice).await;
    let load = Load::start(clients, dice);
    for _ in 0..faults {
        let (least, most) = ACCEPTED_BETWEEN;
        load.accepts(least + dice.below(most - least)).await;
        let fault = deck.draw(dice);
        tell(&format!("{}. {fault:?}", struck.len() + 1));
        stage.strike(fault).await;
        struck.push(fault);
        if started.elapsed() > LEG_MAX {
            break; // a slow machine makes shorter legs, not expired tokens
        }
    }
    load.accepts(ACCEPTED_BETWEEN.1).await;
    let ledger = load.finish().await;
    bystanders.finish().await;
    ledger
}

/// Fresh sessions for all: those who send commands, each with a connection of its own, and those who do the rest.
async fn sign_in(stage: &Stage, organizations: &[Organization], dice: &mut Dice) -> (Vec<Client>, Bystanders) {
    let mut clients = Vec::new();
    let mut people = Vec::new();
    for organization in organizations {
        let administrator = organization.administrator.sign_in_again().await;
        let bearer = administrator.client.bearer().to_owned();
        people.push(administrator);
        let own = || Client::new(stage.server().base()).with_bearer(&bearer);
        clients.extend(std::iter::repeat_with(own).take(SENDERS / ORGANIZATIONS));
    }
    (clients, Bystanders::start(people, dice))
}

/// Whoever reads the failure of a test wants to know what struck before it.
#[expect(clippy::disallowed_macros, reason = "the harness shows it where a test fails")]
pub(crate) fn tell(text: &str) {
    eprintln!("chaos: {text}");
}

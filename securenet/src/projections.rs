//! `securenet projections …`: what operators do to read models, over HTTP. Commands are sent as they are; whether they can
//! be done is for the server to say. On a terminal there are tables and bars, elsewhere one JSON object a line.

mod client;
mod show;
mod wait;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use platform::env::Env;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Failure;
use client::Client;

/// SECURENET_URL and SECURENET_OPERATOR_TOKEN say where and who
#[derive(Args)]
pub(crate) struct Projections {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Show all projections with their generations, how far behind they are and what is being done
    List,
    /// Fold the log into a new generation beside the live one
    Rebuild {
        projection: String,
        /// Let queries read it as soon as it is ready
        #[arg(long)]
        switch: bool,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Let queries read another generation
    Switch {
        projection: String,
        generation: u32,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Throw a generation away that queries do not read
    Retire {
        projection: String,
        generation: u32,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Apply nothing for a while
    Pause {
        projection: String,
        /// All there are, unless one is named
        #[arg(long)]
        generation: Option<u32>,
    },
    /// Go on applying
    Resume {
        projection: String,
        /// All there are, unless one is named
        #[arg(long)]
        generation: Option<u32>,
    },
    /// Fold a part of the log again and compare it with what is live
    Verify {
        projection: String,
        /// The first partition
        #[arg(long, default_value_t = 0, conflicts_with = "sample")]
        first: u32,
        /// The last partition
        #[arg(long, default_value_t = 63, conflicts_with = "sample")]
        last: u32,
        /// One partition that the projector draws
        #[arg(long)]
        sample: bool,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Verify a partition and replace the rows that differ
    Repair {
        projection: String,
        partition: u32,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Streams that wait because one of their events could not be applied
    Parked {
        #[command(subcommand)]
        action: Parked,
    },
}

#[derive(Subcommand)]
enum Parked {
    /// Show them
    List { projection: String },
    /// Apply what waits of a stream, now that the cause may be gone
    Retry {
        projection: String,
        tenant: Uuid,
        stream: Uuid,
        /// All in which it is parked, unless one is named
        #[arg(long)]
        generation: Option<u32>,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Leave an event out, now and in later generations, and go on behind it
    Skip {
        projection: String,
        tenant: Uuid,
        stream: Uuid,
        event: Uuid,
        /// Why: it stands in the audit trail
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        waiting: Waiting,
    },
}

#[derive(Args)]
struct Waiting {
    /// Do not wait for the end; `list` shows how far it is
    #[arg(long)]
    no_wait: bool,
}

/// A command to send, and whether its operation is waited for.
struct Order {
    path: String,
    body: Value,
    waits: bool,
}

pub(crate) async fn run(projections: Projections) -> Result<ExitCode, Failure> {
    let client = client()?;
    let order = match projections.action {
        Action::List => {
            show::projections(&client.get("/v1/projections").await?);
            return Ok(ExitCode::SUCCESS);
        }
        Action::Parked { action: Parked::List { projection } } => {
            list_parked(&client, &projection).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Action::Parked { action: Parked::Retry { projection, tenant, stream, generation, waiting } } => {
            let body = with_generation(json!({ "tenant": tenant }), generation);
            Order::new(&projection, &format!("parked/{stream}/retry"), body, !waiting.no_wait)
        }
        Action::Parked { action: Parked::Skip { projection, tenant, stream, event, reason, waiting } } => {
            let body = json!({ "tenant": tenant, "event_id": event, "reason": reason });
            Order::new(&projection, &format!("parked/{stream}/skip"), body, !waiting.no_wait)
        }
        Action::Rebuild { projection, switch, waiting } => {
            Order::new(&projection, "rebuild", json!({ "switch": switch }), !waiting.no_wait)
        }
        Action::Switch { projection, generation, waiting } => {
            Order::new(&projection, "switch", json!({ "generation": generation }), !waiting.no_wait)
        }
        Action::Retire { projection, generation, waiting } => {
            Order::new(&projection, "retire", json!({ "generation": generation }), !waiting.no_wait)
        }
        Action::Pause { projection, generation } => {
            Order::new(&projection, "pause", with_generation(json!({}), generation), true)
        }
        Action::Resume { projection, generation } => {
            Order::new(&projection, "resume", with_generation(json!({}), generation), true)
        }
        Action::Verify { projection, sample: true, waiting, .. } => {
            Order::new(&projection, "verify", json!({ "sample": true }), !waiting.no_wait)
        }
        Action::Verify { projection, first, last, sample: false, waiting } => {
            Order::new(&projection, "verify", json!({ "first": first, "last": last }), !waiting.no_wait)
        }
        Action::Repair { projection, partition, waiting } => {
            Order::new(&projection, "repair", json!({ "partition": partition }), !waiting.no_wait)
        }
    };
    give(&client, order).await
}

fn client() -> Result<Client, Failure> {
    let env = Env::from_process();
    let url = env.required("SECURENET_URL");
    let token = env.secret("SECURENET_OPERATOR_TOKEN");
    env.finish()?;
    Ok(Client::new(&url, token)?)
}

async fn give(client: &Client, order: Order) -> Result<ExitCode, Failure> {
    let accepted = client.post(&order.path, &order.body).await?;
    let Some(operation) = accepted.body["operation"].as_str() else {
        show::line(&json!({ "state": "unchanged", "projection": accepted.body["projection"] }), "it was so already");
        return Ok(ExitCode::SUCCESS);
    };
    if !order.waits {
        show::line(&accepted.body, &format!("accepted as operation {operation}"));
        return Ok(ExitCode::SUCCESS);
    }
    wait::wait(client, operation, &accepted.position).await
}

async fn list_parked(client: &Client, projection: &str) -> Result<(), Failure> {
    let mut table = show::ParkedTable::default();
    let path = format!("/v1/projections/{projection}/parked");
    let mut page = client.get(&format!("{path}?limit=500")).await?;
    loop {
        table.add(&page["items"]);
        let Some(next) = page["next"].as_str() else { break };
        page = client.get(&format!("{path}?limit=500&cursor={next}")).await?;
    }
    table.end();
    Ok(())
}

fn with_generation(mut body: Value, generation: Option<u32>) -> Value {
    if let Some(generation) = generation {
        body["generation"] = json!(generation);
    }
    body
}

impl Order {
    fn new(projection: &str, action: &str, body: Value, waits: bool) -> Self {
        Self { path: format!("/v1/projections/{projection}/{action}"), body, waits }
    }
}

//! `securenet log begin-epoch`: after a restore, or the promotion of a replica that may lack the tail, seqs will be used
//! again, and from here on they mean something else. All that is decided lies in `store.begin_epoch`.

use clap::{Args, Subcommand};
use platform::env::Env;
use platform::postgres::Settings;
use sqlx::{Connection, PgConnection};

use crate::{Failure, console};

#[derive(Subcommand)]
pub(crate) enum Log {
    /// Begin a new epoch of the log after a restore or a promotion, before command-api starts (SECURENET_MIGRATOR_URL)
    BeginEpoch(BeginEpoch),
}

#[derive(Args)]
pub(crate) struct BeginEpoch {
    /// Begin one although nothing was appended since the last one began
    #[arg(long)]
    again: bool,
    /// An epoch that the topic or a client has seen although this log does not know it: the relay names it
    #[arg(long, value_name = "EPOCH", default_value_t = 0)]
    above: i32,
}

struct Outcome {
    outcome: String,
    epoch: i32,
    detail: Option<String>,
}

pub(crate) async fn begin(options: BeginEpoch) -> Result<(), Failure> {
    let env = Env::from_process();
    let url = env.secret("SECURENET_MIGRATOR_URL");
    let connect = Settings::from_env(&env).options(&url);
    env.finish()?;
    let mut owner = PgConnection::connect_with(&connect?).await?;
    let begun = sqlx::query_as!(
        Outcome,
        r#"SELECT outcome AS "outcome!", epoch AS "epoch!", detail FROM store.begin_epoch($1, $2)"#,
        options.again,
        options.above,
    )
    .fetch_one(&mut owner)
    .await?;
    owner.close().await?;
    console::say(&said(&begun)?);
    Ok(())
}

fn said(Outcome { outcome, epoch, detail }: &Outcome) -> Result<String, Failure> {
    let detail = detail.as_deref().unwrap_or_default();
    match outcome.as_str() {
        "begun" => Ok(format!("epoch {epoch} begins behind the last event of each of the 64 partitions")),
        "repeated" => Ok(format!(
            "nothing was done: epoch {epoch} is the newest and nothing was appended since it began (--again begins another)"
        )),
        "writers" => {
            Err(format!("command-api is connected ({detail} sessions) and knows the old epoch: stop it first").into())
        }
        "damaged" => Err(format!("the log is damaged: in partition {detail} the head is not the last event").into()),
        other => Err(format!("store.begin_epoch answered {other}, which this release does not know").into()),
    }
}

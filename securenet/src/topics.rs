//! `securenet topics apply`: the topic of events, made once with the settings of the environment, and compared ever after.

use clap::Subcommand;
use command_api::TOPIC;
use platform::env::Env;
use platform::kafka::Settings;
use platform::kafka::topics::{self, Applied};

use crate::{Failure, console};

#[derive(Subcommand)]
pub(crate) enum Topics {
    /// Make the topic of SECURENET_KAFKA_TOPIC with 64 partitions, or say in what the one that exists differs
    Apply,
}

pub(crate) async fn apply() -> Result<(), Failure> {
    let env = Env::from_process();
    let settings = Settings::from_env(&env, TOPIC);
    if settings.is_none() {
        env.fault("SECURENET_KAFKA_BROKERS is not set");
    }
    env.finish()?;
    let settings = settings.expect("a missing one is a fault");
    let found = match topics::apply(&settings).await? {
        Applied::Made => "was made",
        Applied::Found => "is there, as it should be",
    };
    console::say(&format!("the topic {} {found}", settings.topic));
    Ok(())
}

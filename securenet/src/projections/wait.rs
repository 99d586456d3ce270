//! Waits for an operation's end and shows how far it is: a bar with rate and time left, or a JSON object whenever
//! something has changed.

use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use tokio::time::sleep;

use super::client::{Client, ClientError};
use super::show;
use crate::{Failure, console};

const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// How often a server that is away is asked again before it is given up; the operation goes on without us.
const FAILURES_MAX: u32 = 20;

const BAR: &str = "{msg:<14} [{bar:40}] {percent:>3}%  {pos}/{len} events";
const SPINNER: &str = "{msg:<14} {spinner} {elapsed}";

pub(super) async fn wait(client: &Client, operation: &str, position: &str) -> Result<ExitCode, Failure> {
    let shown = Shown::new();
    let mut failures = 0;
    loop {
        match look(client, operation, position).await {
            Ok(now) => {
                failures = 0;
                shown.show(&now);
                match now["state"].as_str() {
                    Some("done") => return Ok(shown.end(&now, ExitCode::SUCCESS)),
                    Some("failed") => return Ok(shown.end(&now, ExitCode::FAILURE)),
                    Some(_) | None => {}
                }
            }
            Err(ClientError::NotYet) => {}
            Err(error @ ClientError::Refused(_)) => return Err(error.into()),
            Err(error @ ClientError::Http(_)) if failures >= FAILURES_MAX => return Err(error.into()),
            Err(ClientError::Http(_)) => failures += 1,
        }
        sleep(LOOK_INTERVAL).await;
    }
}

async fn look(client: &Client, operation: &str, position: &str) -> Result<Value, ClientError> {
    client.get_at(&format!("/v1/operations/{operation}"), position).await
}

enum Shown {
    Bar(ProgressBar),
    Lines(std::cell::RefCell<String>),
}

impl Shown {
    fn new() -> Self {
        if show::is_terminal() {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(LOOK_INTERVAL);
            Self::Bar(bar)
        } else {
            Self::Lines(std::cell::RefCell::default())
        }
    }

    fn show(&self, operation: &Value) {
        match self {
            Self::Bar(bar) => on_bar(bar, operation),
            Self::Lines(last) => {
                let line = operation.to_string();
                if *last.borrow() != line {
                    console::print(&format!("{line}\n"));
                    last.replace(line);
                }
            }
        }
    }

    fn end(&self, operation: &Value, code: ExitCode) -> ExitCode {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
            let said = operation["outcome"].as_str().unwrap_or("done");
            if code == ExitCode::SUCCESS { console::say(said) } else { console::complain(said) }
        }
        code
    }
}

fn on_bar(bar: &ProgressBar, operation: &Value) {
    let number = |name: &str| operation[name].as_u64().unwrap_or_default();
    let total = number("events_total");
    let (template, rest) = if total > 0 { (BAR, rate(operation)) } else { (SPINNER, String::new()) };
    if let Ok(style) = ProgressStyle::with_template(&format!("{template}{rest}")) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_length(total);
    bar.set_position(number("events_done"));
    let step = operation["step"].as_str().filter(|step| !step.is_empty());
    bar.set_message(step.unwrap_or("waiting").to_owned());
}

/// As the server measures it, so that it is right from the first look on.
fn rate(operation: &Value) -> String {
    let number = |name: &str| operation[name].as_f64();
    match (number("events_per_second"), number("seconds_left")) {
        (Some(rate), Some(left)) => format!("  {rate:.0}/s, {left:.0} s left"),
        (_, _) => String::new(),
    }
}

//! The log: lines of JSON for machines or pretty ones for people, on standard error, without anybody's secrets.
//!
//! Code must not log a token in the first place; the writer makes sure of what an error text may drag along.

mod redact;

use std::io::{self, IsTerminal, Write};
use std::str::FromStr;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::env::{Env, Environment};

pub use redact::redact;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Pretty,
}

#[derive(Debug, thiserror::Error)]
#[error("it is neither json nor pretty")]
pub struct NotAFormat;

impl FromStr for Format {
    type Err = NotAFormat;

    fn from_str(text: &str) -> Result<Self, NotAFormat> {
        match text {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err(NotAFormat),
        }
    }
}

/// What any stranger could fill the log with: garbage instead of HTTP, reported as an error of ours.
const STRANGERS_NOISE: &str = "actix_http::h1=off";

/// What to write and how; `SECURENET_LOG_FORMAT` and `SECURENET_LOG` (`info,sqlx=warn`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub format: Format,
    pub filter: String,
}

impl Settings {
    pub fn from_env(env: &Env) -> Self {
        let usual = match env.environment() {
            Environment::Dev => Format::Pretty,
            Environment::Production => Format::Json,
        };
        let filter = env.optional("SECURENET_LOG").unwrap_or_else(|| "info".to_owned());
        env.check("SECURENET_LOG", EnvFilter::try_new(&filter).map(drop));
        Self { format: env.parse("SECURENET_LOG_FORMAT", usual), filter }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the log cannot be started: {0}")]
pub struct NoLog(String);

/// Starts the log of this process. Once: a second call is an error.
pub fn start(settings: &Settings) -> Result<(), NoLog> {
    let fault = |error: &dyn std::fmt::Display| NoLog(error.to_string());
    let filter = EnvFilter::try_new(format!("{STRANGERS_NOISE},{}", settings.filter)).map_err(|error| fault(&error))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(Redacting(io::stderr));
    match settings.format {
        Format::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
        Format::Pretty => lines.with_target(false).with_ansi(is_read_by_a_person()).try_init(),
    }
    .map_err(|error| fault(&error))
}

/// Colours in a file or a pipe are noise.
fn is_read_by_a_person() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|wish| wish.is_empty())
}

/// Redacts each line on its way to the writer below. A line arrives in one piece.
#[derive(Debug, Clone, Copy)]
pub struct Redacting<M>(pub M);

pub struct RedactingWriter<W>(W);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Redacting<M> {
    type Writer = RedactingWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        RedactingWriter(self.0.make_writer())
    }
}

impl<W: Write> Write for RedactingWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(redact(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests;

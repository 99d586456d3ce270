//! The one call: a batch goes to `store.append` on the appender's own connection, and a verdict comes back for each
//! command. Knows which failures leave the outcome certain; never decides what to do about one.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::vocabulary::{StreamId, Timestamp};
use platform::position::Position;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::time::timeout;

use super::columns::Columns;
use super::{AppendError, Appended, Waiting};
use crate::event_store::Epochs;

/// Longer than the role's `statement_timeout`, so that Postgres speaks first when it can.
const CALL_MAX: Duration = Duration::from_secs(15);
/// Connecting to a Postgres that is there, or a question without a lock to wait for, takes milliseconds.
const CONNECT_MAX: Duration = Duration::from_secs(2);

/// The appender's connection, and what names its backend should it die during a call.
pub(super) struct Line {
    connection: PgConnection,
    pub(super) backend: Backend,
    epochs: Epochs,
}

/// A backend of Postgres. Its start tells it from a later one with the same pid.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backend {
    pub(super) pid: i32,
    pub(super) started: DateTime<Utc>,
}

/// What a call came to.
pub(super) enum Failure {
    /// The statement was refused for its data (SQLSTATE class 22, 23 or 54): some command of the batch is guilty.
    Data { sqlstate: String },
    /// A partition's lock was not to be had in time.
    Busy,
    /// Postgres undid it and it may succeed at once: a deadlock or a serialization failure.
    Undone,
    /// Postgres answered with an error of its own, such as a full disk; nothing was written.
    Refused { sqlstate: String },
    /// The connection died or went silent during the call; it may commit yet.
    Lost,
}

/// One command's answer from the store.
pub(super) enum Verdict {
    Answered(Result<Appended, AppendError>),
    /// Stamped before the head's time: send again, not before this.
    Behind(Timestamp),
    /// Stamped ahead of Postgres's clock, or refused behind another refusal on the same tally: send again.
    Again,
    /// Judged full after another refusal on the same tally: send again, alone.
    Alone,
}

/// A batch's verdicts, in its order, and Postgres's clock.
pub(super) struct Verdicts {
    pub(super) verdicts: Vec<Verdict>,
    pub(super) clock: Option<Timestamp>,
}

impl Line {
    pub(super) async fn connect(options: &PgConnectOptions) -> Result<Self, sqlx::Error> {
        let connecting = async {
            let mut connection = options.connect().await?;
            let backend = sqlx::query_as!(
                Backend,
                r#"SELECT pid AS "pid!", backend_start AS "started!" FROM pg_stat_activity WHERE pid = pg_backend_pid()"#
            )
            .fetch_one(&mut connection)
            .await?;
            let epochs = Epochs::read(&mut connection).await?;
            Ok(Self { connection, backend, epochs })
        };
        timeout(CONNECT_MAX, connecting).await.unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut))
    }

    pub(super) async fn clock(&mut self) -> Result<Timestamp, sqlx::Error> {
        let asking = sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#).fetch_one(&mut self.connection);
        let now = timeout(CONNECT_MAX, asking).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
        Ok(Timestamp::from_micros(now.timestamp_micros()))
    }

    /// Whether the partition's head can be locked right now. Asked before a blocked partition is tried again, so that
    /// the try does not stop the others.
    pub(super) async fn is_free(&mut self, partition: i16) -> Result<bool, sqlx::Error> {
        let asking = sqlx::query_scalar!(
            "SELECT seq FROM store.partition_head WHERE partition = $1 FOR UPDATE NOWAIT",
            partition
        )
        .fetch_one(&mut self.connection);
        match timeout(CONNECT_MAX, asking).await.unwrap_or(Err(sqlx::Error::PoolTimedOut)) {
            Ok(_) => Ok(true),
            Err(error) if error.as_database_error().is_some() => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn close(self) {
        // The server notices a closed socket too; the courtesy only spares it a log line.
        let _ = self.connection.close().await;
    }

    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    pub(super) fn position(&self, partition: i16, seq: i64) -> Position {
        self.epochs.position(partition, seq)
    }

    /// Appends the batch in one transaction.
    pub(super) async fn append(&mut self, batch: &[Waiting], stamp: Timestamp) -> Result<Verdicts, Failure> {
        let columns = Columns::of(batch, stamp);
        let rows = timeout(CALL_MAX, send(&mut self.connection, &columns, stamp)).await;
        let rows = rows.map_err(|_| Failure::Lost)?.map_err(|error| classify(&error))?;
        let clock = rows.last().map(|row| Timestamp::from_micros(row.clock.timestamp_micros()));
        let verdicts = batch.iter().zip(rows).map(|(waiting, row)| self.verdict(waiting, row, stamp)).collect();
        Ok(Verdicts { verdicts, clock })
    }

    fn verdict(&self, waiting: &Waiting, row: Row, stamp: Timestamp) -> Verdict {
        let last = || self.position(waiting.partition, row.last_seq.unwrap_or_default());
        let stream = || StreamId::new(row.stream.unwrap_or_default());
        match row.verdict {
            0 => Verdict::Answered(Ok(Appended::New { position: last(), recorded_at: stamp })),
            1 => {
                let ours = waiting.append.key.as_ref().map(|key| key.fingerprint.as_slice());
                Verdict::Answered(if ours == row.fingerprint.as_deref() {
                    Ok(Appended::Known { position: last(), answer: row.answer.unwrap_or_default() })
                } else {
                    Err(AppendError::KeyReused)
                })
            }
            2 => Verdict::Answered(Err(AppendError::Conflict {
                stream: stream(),
                actual: row.version.unwrap_or_default(),
            })),
            3 => Verdict::Answered(Err(AppendError::Reserved { key: row.detail.unwrap_or_default(), owner: stream() })),
            4 if row.version == Some(1) => {
                Verdict::Answered(Err(AppendError::CeilingReached { tally: row.detail.unwrap_or_default() }))
            }
            4 => Verdict::Alone,
            5 => Verdict::Behind(row.head_at.map_or(stamp, |at| Timestamp::from_micros(at.timestamp_micros()))),
            _ => Verdict::Again,
        }
    }
}

struct Row {
    verdict: i16,
    last_seq: Option<i64>,
    stream: Option<uuid::Uuid>,
    version: Option<i64>,
    detail: Option<String>,
    answer: Option<Vec<u8>>,
    fingerprint: Option<Vec<u8>>,
    head_at: Option<DateTime<Utc>>,
    clock: DateTime<Utc>,
}

async fn send(connection: &mut PgConnection, c: &Columns<'_>, stamp: Timestamp) -> Result<Vec<Row>, sqlx::Error> {
    sqlx::query_file_as!(
        Row,
        "src/appender/append.sql",
        super::columns::to_utc(stamp),
        &c.lock,
        &c.c_partition,
        &c.c_tenant,
        &c.c_events,
        &c.k_command,
        &c.k_key as _,
        &c.k_fingerprint as _,
        &c.k_answer as _,
        &c.s_command,
        &c.s_stream,
        &c.s_kind as _,
        &c.s_expected,
        &c.s_version,
        &c.s_fold,
        &c.s_state as _,
        &c.s_parent as _,
        &c.s_lane as _,
        &c.s_open,
        &c.s_due as _,
        &c.q_command,
        &c.q_stream,
        &c.q_version,
        &c.taken.command,
        &c.taken.tenant,
        &c.taken.key as _,
        &c.taken.owner,
        &c.released.command,
        &c.released.tenant,
        &c.released.key as _,
        &c.released.owner,
        &c.n_command,
        &c.n_name as _,
        &c.n_delta,
        &c.n_ceiling as _,
        &c.e_command,
        &c.e_place,
        &c.e_stream,
        &c.e_version,
        &c.e_id,
        &c.e_type as _,
        &c.e_schema,
        &c.e_header,
        &c.e_body as _,
        &c.e_meta as _,
    )
    .fetch_all(connection)
    .await
}

fn classify(error: &sqlx::Error) -> Failure {
    let Some(sqlstate) = error.as_database_error().and_then(|database| database.code()) else {
        return Failure::Lost;
    };
    match (&sqlstate[..2.min(sqlstate.len())], sqlstate.as_ref()) {
        (_, "55P03") => Failure::Busy,
        (_, "40P01" | "40001") => Failure::Undone,
        // The server is going away: it says so before it closes, and what it was doing is undone or not.
        (_, "57P01" | "57P02" | "57P03") | ("08", _) => Failure::Lost,
        ("22" | "23" | "54", _) => Failure::Data { sqlstate: sqlstate.into_owned() },
        _ => Failure::Refused { sqlstate: sqlstate.into_owned() },
    }
}

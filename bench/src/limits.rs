//! What this machine could do at best, in this run: L1, the bare durable insert of the same rows under one index by one
//! batching writer, and L2, the same rows read in order, all columns. Checks nothing, keeps no order.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use sqlx::{Connection, PgConnection};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::Outcome;
use crate::events::{self, Row};
use crate::load::closed_loop;
use crate::server::Server;

/// Rows read for L2.
const L2_ROWS: i64 = 300_000;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub l1_64: f64,
    pub l1_256: f64,
    pub l2: f64,
}

pub(crate) async fn measure(server: &Server, duration: Duration) -> Outcome<Limits> {
    let database = server.database().await?;
    let url = database.url("postgres");
    let mut connection = PgConnection::connect(&url).await?;
    sqlx::raw_sql(
        "CREATE TABLE bare (partition smallint, seq bigint, tenant_id uuid, stream_id uuid, stream_version bigint, \
         event_id uuid, type text, schema_version smallint, recorded_at timestamptz, header bytea, body bytea, meta bytea, \
         PRIMARY KEY (partition, seq))",
    )
    .execute(&mut connection)
    .await?;
    let l1_64 = l1(&url, 64, duration).await?;
    let l1_256 = l1(&url, 256, duration).await?;
    let l2 = l2(&mut connection).await?;
    Ok(Limits { l1_64, l1_256, l2 })
}

type Waiting = (Row, oneshot::Sender<()>);

async fn l1(url: &str, in_flight: usize, duration: Duration) -> Outcome<f64> {
    let (sender, receiver) = mpsc::channel::<Waiting>(4_096);
    let writer = tokio::spawn(write(PgConnection::connect(url).await?, receiver));
    let load = closed_loop(in_flight, duration, move |caller| {
        let sender = sender.clone();
        async move {
            let (answer, answered) = oneshot::channel();
            let row = events::row(events::tenant(caller));
            sender.send((row, answer)).await.map_err(|_| "the writer ended")?;
            answered.await.map_err(|_| "the writer dropped a row")?;
            Ok::<(), crate::Failed>(())
        }
    })
    .await?;
    writer.await??;
    Ok(load.per_second)
}

/// One writer: whatever waited goes into the next insert, as the appender does.
async fn write(mut connection: PgConnection, mut queue: mpsc::Receiver<Waiting>) -> Outcome {
    let mut seq: i64 = sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM bare").fetch_one(&mut connection).await?;
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, 512).await > 0 {
        let (rows, answers): (Vec<Row>, Vec<_>) = batch.drain(..).unzip();
        insert(&mut connection, &rows, seq).await?;
        seq += i64::try_from(rows.len())?;
        for answer in answers {
            let _ = answer.send(());
        }
    }
    Ok(())
}

async fn insert(connection: &mut PgConnection, rows: &[Row], after: i64) -> Outcome {
    let column = |take: fn(&Row) -> Uuid| rows.iter().map(take).collect::<Vec<_>>();
    let seqs: Vec<i64> = (after + 1..).take(rows.len()).collect();
    let partitions: Vec<i16> = rows.iter().map(|row| row.partition).collect();
    let now: Vec<DateTime<Utc>> = vec![Utc::now(); rows.len()];
    let headers: Vec<&[u8]> = rows.iter().map(|row| row.header.as_slice()).collect();
    let bodies: Vec<&[u8]> = rows.iter().map(|row| row.body.as_slice()).collect();
    let metas: Vec<&[u8]> = rows.iter().map(|row| row.meta.as_slice()).collect();
    let types: Vec<&str> = rows.iter().map(|row| row.type_name).collect();
    sqlx::query(
        "INSERT INTO bare SELECT p, s, t, st, 1, e, ty, 1, r, h, b, m FROM unnest($1::smallint[], $2::bigint[], \
         $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::timestamptz[], $8::bytea[], $9::bytea[], $10::bytea[]) \
         w(p, s, t, st, e, ty, r, h, b, m)",
    )
    .bind(&partitions)
    .bind(&seqs)
    .bind(column(|row| row.tenant))
    .bind(column(|row| row.stream))
    .bind(column(|row| row.id))
    .bind(&types)
    .bind(&now)
    .bind(&headers)
    .bind(&bodies)
    .bind(&metas)
    .execute(connection)
    .await?;
    Ok(())
}

async fn l2(connection: &mut PgConnection) -> Outcome<f64> {
    let started = Instant::now();
    let mut rows = sqlx::query_as::<_, Bare>("SELECT * FROM bare ORDER BY partition, seq LIMIT $1")
        .bind(L2_ROWS)
        .fetch(connection);
    let mut count = 0u64;
    while let Some(row) = rows.try_next().await? {
        std::hint::black_box(row);
        count += 1;
    }
    Ok(count as f64 / started.elapsed().as_secs_f64())
}

type Bare = (i16, i64, Uuid, Uuid, i64, Uuid, String, i16, DateTime<Utc>, Vec<u8>, Vec<u8>, Vec<u8>);

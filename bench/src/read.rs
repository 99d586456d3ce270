//! Reading the log in order, decoded into typed events, as a projector reads it.

use std::time::Instant;

use event_schemas::{Decoded, decode};
use futures_util::TryStreamExt;
use sqlx::{Connection, PgConnection};

use crate::limits::Limits;
use crate::report::Report;
use crate::server::Server;
use crate::{Failed, Outcome, append};

/// Events in the log that is read.
const EVENTS: usize = 300_000;

pub(crate) async fn measure(server: &Server, limits: &Limits, report: &mut Report) -> Outcome {
    let database = server.database().await?;
    append::fill(&database, EVENTS).await?;
    let mut connection = PgConnection::connect(&database.url("projector")).await?;
    let started = Instant::now();
    let mut count = 0u64;
    for partition in 0..64i16 {
        let mut rows = sqlx::query_as::<_, (i64, String, i16, Option<Vec<u8>>)>(
            "SELECT seq, type, schema_version, body FROM store.events WHERE partition = $1 AND seq > $2 ORDER BY seq",
        )
        .bind(partition)
        .bind(0i64)
        .fetch(&mut connection);
        let mut last = 0;
        while let Some((seq, name, version, body)) = rows.try_next().await? {
            if seq != last + 1 {
                return Err(Failed::from(format!("partition {partition} has a hole before {seq}")));
            }
            last = seq;
            let Decoded::Event(event) = decode(&name, version, body.as_deref())? else {
                return Err(Failed::from("the log holds a purged body"));
            };
            std::hint::black_box(event);
            count += 1;
        }
    }
    let rate = count as f64 / started.elapsed().as_secs_f64();
    report.rate("read in order, decoded", rate, "events/s", Some((rate / limits.l2, "L2")), "≥ 0.80 × L2");
    Ok(())
}

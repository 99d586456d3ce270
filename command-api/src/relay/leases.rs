//! Who publishes what, by Postgres's clock. Every statement that acts for a holder names the lease epoch it was given,
//! so that one who was fenced changes nothing.

use std::time::Duration;

use sqlx::PgConnection;
use uuid::Uuid;

use super::lanes::Point;

/// A partition that was taken, and how far it has been published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    pub partition: i16,
    pub lease_epoch: i64,
    pub seq: i64,
}

/// A held partition, as statements name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub partition: i16,
    pub lease_epoch: i64,
}

/// Says that this relay is there; answers how many are. Those long gone are forgotten on the way.
pub(super) async fn join(connection: &mut PgConnection, holder: Uuid, lease: Duration) -> sqlx::Result<i64> {
    sqlx::query!(
        "INSERT INTO store.relay_members AS m (holder, expires_at)
         VALUES ($1, clock_timestamp() + make_interval(secs => $2))
         ON CONFLICT (holder) DO UPDATE SET expires_at = excluded.expires_at",
        holder,
        lease.as_secs_f64(),
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("DELETE FROM store.relay_members WHERE expires_at < clock_timestamp()")
        .execute(&mut *connection)
        .await?;
    sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM store.relay_members"#).fetch_one(connection).await
}

/// Extends what is still ours, and answers which partitions that are.
pub(super) async fn renew(
    connection: &mut PgConnection,
    holder: Uuid,
    held: &[Held],
    lease: Duration,
) -> sqlx::Result<Vec<i16>> {
    let (partitions, epochs) = columns(held);
    sqlx::query_scalar!(
        "UPDATE store.relay_partitions p SET expires_at = clock_timestamp() + make_interval(secs => $4)
         FROM unnest($2::smallint[], $3::bigint[]) AS h (partition, lease_epoch)
         WHERE p.partition = h.partition AND p.lease_epoch = h.lease_epoch AND p.holder = $1
         RETURNING p.partition",
        holder,
        &partitions,
        &epochs,
        lease.as_secs_f64(),
    )
    .fetch_all(connection)
    .await
}

/// Takes up to so many partitions that nobody holds any more.
pub(super) async fn take(
    connection: &mut PgConnection,
    holder: Uuid,
    count: i64,
    lease: Duration,
) -> sqlx::Result<Vec<Lease>> {
    sqlx::query_as!(
        Lease,
        "UPDATE store.relay_partitions p
         SET holder = $1, lease_epoch = p.lease_epoch + 1, expires_at = clock_timestamp() + make_interval(secs => $3)
         WHERE p.partition IN (SELECT f.partition FROM store.relay_partitions f WHERE f.expires_at < clock_timestamp()
                               ORDER BY f.partition LIMIT $2 FOR UPDATE SKIP LOCKED)
         RETURNING p.partition, p.lease_epoch, p.seq",
        holder,
        count,
        lease.as_secs_f64(),
    )
    .fetch_all(connection)
    .await
}

/// Moves checkpoints; answers which partitions' leases were still ours.
pub(super) async fn checkpoint(
    connection: &mut PgConnection,
    holder: Uuid,
    points: &[(Held, Point)],
) -> sqlx::Result<Vec<i16>> {
    let held: Vec<Held> = points.iter().map(|(held, _)| *held).collect();
    let (partitions, epochs) = columns(&held);
    let log_epochs: Vec<i32> = points.iter().map(|(_, point)| point.epoch).collect();
    let seqs: Vec<i64> = points.iter().map(|(_, point)| point.seq).collect();
    sqlx::query_scalar!(
        "UPDATE store.relay_partitions p SET log_epoch = h.log_epoch, seq = h.seq
         FROM unnest($2::smallint[], $3::bigint[], $4::integer[], $5::bigint[]) AS h (partition, lease_epoch, log_epoch, seq)
         WHERE p.partition = h.partition AND p.lease_epoch = h.lease_epoch AND p.holder = $1
         RETURNING p.partition",
        holder,
        &partitions,
        &epochs,
        &log_epochs,
        &seqs,
    )
    .fetch_all(connection)
    .await
}

/// Lets the next relay begin at once.
pub(super) async fn release(connection: &mut PgConnection, holder: Uuid, held: &[Held]) -> sqlx::Result<()> {
    let (partitions, epochs) = columns(held);
    sqlx::query!(
        "UPDATE store.relay_partitions p SET expires_at = '-infinity'
         FROM unnest($2::smallint[], $3::bigint[]) AS h (partition, lease_epoch)
         WHERE p.partition = h.partition AND p.lease_epoch = h.lease_epoch AND p.holder = $1",
        holder,
        &partitions,
        &epochs,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The same of everything that this relay ever took.
pub(super) async fn release_all(connection: &mut PgConnection, holder: Uuid) -> sqlx::Result<()> {
    sqlx::query!("UPDATE store.relay_partitions SET expires_at = '-infinity' WHERE holder = $1", holder)
        .execute(connection)
        .await?;
    Ok(())
}

/// Says that this relay is gone, so that the others' shares grow at once.
pub(super) async fn leave(connection: &mut PgConnection, holder: Uuid) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM store.relay_members WHERE holder = $1", holder).execute(connection).await?;
    Ok(())
}

fn columns(held: &[Held]) -> (Vec<i16>, Vec<i64>) {
    held.iter().map(|held| (held.partition, held.lease_epoch)).unzip()
}

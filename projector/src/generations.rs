//! Which generations there are, and what this program has to do with each. Making, switching and retiring them is an
//! operator's decision; here it is only followed, and said which of them somebody still fills.

use std::time::Duration;

use sqlx::PgPool;

use crate::registry::{self, Target};

/// A live generation that nobody has filled for so long is served as it is, and said to be.
pub(crate) const FROZEN_AFTER: Duration = Duration::from_secs(30);

/// A generation that this program fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tailed {
    pub target: Target,
    pub stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Folds the log from its beginning, and nobody waits for it.
    Filling,
    /// Ready to be switched to, or standing by to be switched back to.
    Beside,
    Live,
}

/// Those that a loop of this program has to follow: of its own version, and not paused. A scratch generation belongs to
/// the verification that made it.
pub(crate) async fn tailed(pool: &PgPool) -> Result<Vec<Tailed>, sqlx::Error> {
    let rows = sqlx::query!(
        "SELECT projection, generation, apply_version, state FROM read.generations
         WHERE state IN ('filling', 'ready', 'live', 'standby') AND NOT paused"
    )
    .fetch_all(pool)
    .await?;
    let tailed = rows.into_iter().filter_map(|row| {
        let projection = registry::find(&row.projection, row.apply_version)?;
        let stage = match row.state.as_str() {
            "filling" => Stage::Filling,
            "live" => Stage::Live,
            _ => Stage::Beside,
        };
        Some(Tailed { target: Target { projection, generation: row.generation }, stage })
    });
    Ok(tailed.collect())
}

/// Says that somebody fills them.
pub(crate) async fn mark_tailed(pool: &PgPool, targets: &[Target]) -> Result<(), sqlx::Error> {
    let (projections, generations) = columns(targets);
    sqlx::query!(
        "UPDATE read.generations g SET tailed_at = clock_timestamp(), frozen = false
         FROM unnest($1::text[], $2::integer[]) AS t (projection, generation)
         WHERE g.projection = t.projection AND g.generation = t.generation AND g.state <> 'retired'",
        &projections,
        &generations
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Marks live generations of other programs that nobody fills any more, and answers which.
pub(crate) async fn freeze_abandoned(pool: &PgPool) -> Result<Vec<(String, i32)>, sqlx::Error> {
    let own: Vec<String> = registry::ALL.iter().map(|projection| projection.name.to_owned()).collect();
    let versions: Vec<i16> = registry::ALL.iter().map(|projection| projection.apply_version).collect();
    let rows = sqlx::query!(
        "UPDATE read.generations g SET frozen = true
         WHERE g.state = 'live' AND NOT g.paused AND NOT g.frozen
           AND g.tailed_at < clock_timestamp() - make_interval(secs => $3)
           AND NOT EXISTS (SELECT FROM unnest($1::text[], $2::smallint[]) AS o (projection, apply_version)
                           WHERE o.projection = g.projection AND o.apply_version = g.apply_version)
         RETURNING g.projection, g.generation",
        &own,
        &versions,
        FROZEN_AFTER.as_secs_f64()
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.projection, row.generation)).collect())
}

/// Marks generations that cannot be filled any more.
pub(crate) async fn freeze(pool: &PgPool, targets: &[Target]) -> Result<(), sqlx::Error> {
    let (projections, generations) = columns(targets);
    sqlx::query!(
        "UPDATE read.generations g SET frozen = true
         FROM unnest($1::text[], $2::integer[]) AS t (projection, generation)
         WHERE g.projection = t.projection AND g.generation = t.generation AND NOT g.frozen",
        &projections,
        &generations
    )
    .execute(pool)
    .await?;
    Ok(())
}

fn columns(targets: &[Target]) -> (Vec<String>, Vec<i32>) {
    targets.iter().map(|target| (target.name().to_owned(), target.generation)).unzip()
}

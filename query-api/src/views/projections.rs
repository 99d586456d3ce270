//! Projections and their generations: what is live, how far behind, and what is being done. Nothing of it says anything
//! about a tenant.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::operations::{self, Operation};
use crate::{error::Failure, tenant_tx::Reader, vocabulary::GenerationState};

/// How many past operations a projection shows.
const OPERATIONS_SHOWN: i32 = 20;

#[derive(Debug, Serialize, ToSchema)]
pub struct Projections {
    pub items: Vec<Projection>,
}

/// A read model.
#[derive(Debug, Serialize, ToSchema)]
pub struct Projection {
    pub name: String,
    /// What queries read.
    #[schema(required = true)]
    pub live_generation: Option<i32>,
    /// All there are, by their numbers.
    pub generations: Vec<Generation>,
    /// What waits or runs; of a projection shown by itself also what was done last. The newest first.
    pub operations: Vec<Operation>,
}

/// One fold of the log into a projection's tables.
#[derive(Debug, Serialize, ToSchema)]
pub struct Generation {
    #[serde(skip)]
    pub projection: String,
    pub generation: i32,
    pub state: GenerationState,
    /// Of the program that fills it.
    pub apply_version: i16,
    /// An operator lets it rest.
    pub paused: bool,
    /// No running program can fill it: it is shown as it is.
    pub frozen: bool,
    /// How often rows were mended or parked streams caught up.
    pub repairs: i32,
    #[schema(minimum = 0)]
    pub lag_events: i64,
    /// The age of the oldest event that is not applied yet; 0 when there is none.
    pub lag_seconds: f64,
    #[schema(minimum = 0)]
    pub parked_streams: i64,
    pub created_at: DateTime<Utc>,
    #[schema(required = true)]
    pub indexed_at: Option<DateTime<Utc>>,
    #[schema(required = true)]
    pub live_since: Option<DateTime<Utc>>,
}

pub async fn all(reader: &Reader) -> Result<Projections, Failure> {
    let mut open: BTreeMap<String, Vec<Operation>> = BTreeMap::new();
    for operation in operations::open(reader).await? {
        open.entry(operation.projection.clone()).or_default().push(operation);
    }
    let mut items: Vec<Projection> = vec![];
    for generation in generations(reader, None).await? {
        match items.last_mut().filter(|last| last.name == generation.projection) {
            Some(last) => last.generations.push(generation),
            None => {
                let operations = open.remove(&generation.projection).unwrap_or_default();
                items.push(Projection::of(generation, operations));
            }
        }
    }
    items.iter_mut().for_each(Projection::name_live);
    Ok(Projections { items })
}

pub async fn one(reader: &Reader, name: &str) -> Result<Option<Projection>, Failure> {
    let mut generations = generations(reader, Some(name)).await?.into_iter();
    let Some(first) = generations.next() else { return Ok(None) };
    let operations = operations::last_of(reader, name, OPERATIONS_SHOWN).await?;
    let mut projection = Projection::of(first, operations);
    projection.generations.extend(generations);
    projection.name_live();
    Ok(Some(projection))
}

pub async fn exists(reader: &Reader, name: &str) -> Result<bool, Failure> {
    Ok(!generations(reader, Some(name)).await?.is_empty())
}

/// By projection and number, without those that are gone or only there to compare with.
async fn generations(reader: &Reader, name: Option<&str>) -> Result<Vec<Generation>, Failure> {
    let generations = sqlx::query_as!(
        Generation,
        r#"SELECT g.projection, g.generation, g.state AS "state: GenerationState", g.apply_version, g.paused, g.frozen, g.repairs,
                  coalesce(l.lag_events, 0) AS "lag_events!",
                  coalesce(greatest(extract(epoch FROM clock_timestamp() - l.oldest), 0), 0)::float8 AS "lag_seconds!",
                  coalesce(l.parked_streams, 0) AS "parked_streams!", g.created_at, g.indexed_at, g.live_since
           FROM read.generations g LEFT JOIN read.lag_of_generations() l USING (projection, generation)
           WHERE g.state NOT IN ('scratch', 'retired') AND ($1::text IS NULL OR g.projection = $1)
           ORDER BY g.projection COLLATE "C", g.generation"#,
        name
    )
    .fetch_all(reader.tenantless())
    .await?;
    Ok(generations)
}

impl Projection {
    fn of(first: Generation, operations: Vec<Operation>) -> Self {
        let name = first.projection.clone();
        Self { name, live_generation: None, generations: vec![first], operations }
    }

    fn name_live(&mut self) {
        let live = self.generations.iter().find(|generation| generation.state == GenerationState::Live);
        self.live_generation = live.map(|live| live.generation);
    }
}

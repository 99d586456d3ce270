//! The projector's connections: some for what all generations share, and a pool for each generation number.
//!
//! A connection serves one generation for life. The statements of a projection name no schema, so a prepared one belongs
//! to the search path it was prepared under: Postgres plans it anew each time the path differs from that of its cached
//! plan. On connections that alternate between generations nearly every statement of every batch would be.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::{AssertSqlSafe, PgPool, Postgres, Transaction};

/// Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Pools {
    shared: PgPool,
    generations: Arc<Mutex<BTreeMap<i32, PgPool>>>,
    owes_copies: bool,
}

impl Pools {
    pub(crate) fn new(shared: PgPool) -> Self {
        Self { shared, generations: Arc::default(), owes_copies: false }
    }

    /// For a deployment with Redis: what changes says that its copy there is owed.
    pub(crate) fn owing_copies(self) -> Self {
        Self { owes_copies: true, ..self }
    }

    pub(crate) const fn owes_copies(&self) -> bool {
        self.owes_copies
    }

    /// For the log and for what is noted about all generations.
    pub(crate) const fn shared(&self) -> &PgPool {
        &self.shared
    }

    /// A transaction that finds the tables of one generation under their names. What it writes is lost in a crash of
    /// Postgres only together with its checkpoint, and then applied again: so it does not wait for the disk.
    #[expect(clippy::disallowed_methods, reason = "a setting cannot be bound; all that is not constant is a number")]
    pub(crate) async fn begin(&self, generation: i32) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let begin = format!("BEGIN; SET LOCAL synchronous_commit = off; SET LOCAL search_path = read_g{generation}");
        self.of(generation).begin_with(AssertSqlSafe(begin)).await
    }

    /// One generation's, for statements that name their schema themselves.
    pub(crate) fn of(&self, generation: i32) -> PgPool {
        // A map of handles stays right even if a holder panicked.
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let open = || self.shared.options().clone().connect_lazy_with((*self.shared.connect_options()).clone());
        generations.entry(generation).or_insert_with(open).clone()
    }
}

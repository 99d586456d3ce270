//! The log's epochs: what makes a partition and a seq a position that the world outside may keep.

use std::sync::Arc;

use platform::position::Position;
use sqlx::{Executor, Postgres};

/// The current epoch by partition. Cheap to clone, and never out of date: a new epoch begins with a restore, which ends
/// every process first.
#[derive(Clone)]
pub struct Epochs(Arc<[i32]>);

impl Epochs {
    pub async fn read(executor: impl Executor<'_, Database = Postgres>) -> Result<Self, sqlx::Error> {
        let epochs = sqlx::query_scalar!(
            r#"SELECT max(epoch) AS "epoch!" FROM store.log_epochs GROUP BY partition ORDER BY partition"#
        )
        .fetch_all(executor)
        .await?;
        Ok(Self(epochs.into()))
    }

    pub fn position(&self, partition: i16, seq: i64) -> Position {
        let epoch = self.0.get(usize::from(partition.unsigned_abs())).copied().unwrap_or(1);
        Position { epoch, partition, seq }
    }
}

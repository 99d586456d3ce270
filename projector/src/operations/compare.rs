//! Two generations' rows of one partition: as many, and the same? It names the first row that differs by its key, in
//! which a tenant's texts are hashes, and by the hashes of both rows. No value of a tenant is read out of the database.

use std::cmp::Ordering;
use std::fmt;

use sqlx::{PgConnection, PgPool};

use super::Halt;
use crate::registry::Target;

/// A table whose rows differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    table: String,
    live_rows: i64,
    right_rows: i64,
    first: Option<FirstRow>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct FirstRow {
    key: String,
    live: Option<i64>,
    right: Option<i64>,
}

/// The tables of a projection.
pub(super) async fn tables(pool: &PgPool, projection: &str) -> Result<Vec<String>, Halt> {
    let rows = sqlx::query!(
        "SELECT table_name FROM read.projection_tables WHERE projection = $1 ORDER BY table_name",
        projection
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| row.table_name).collect())
}

/// `snapshot` sees the live generation at the position that the fold has reached; the fold, which nobody moves meanwhile,
/// is newer than it and is read beside it.
pub(super) async fn compare(
    snapshot: &mut PgConnection,
    beside: &mut PgConnection,
    live: Target,
    fold: Target,
    partition: i16,
) -> Result<Vec<Difference>, Halt> {
    let mut differences = vec![];
    let names = sqlx::query!(
        "SELECT table_name FROM read.projection_tables WHERE projection = $1 ORDER BY table_name",
        live.name()
    )
    .fetch_all(&mut *beside)
    .await?;
    for table in names.into_iter().map(|row| row.table_name) {
        let is = digest(snapshot, live, &table, partition).await?;
        let ought = digest(beside, fold, &table, partition).await?;
        if is != ought {
            let rows = rows(snapshot, live, &table, partition).await?;
            let right = self::rows(beside, fold, &table, partition).await?;
            let first = first_difference(&rows, &right);
            differences.push(Difference { table, live_rows: is.0, right_rows: ought.0, first });
        }
    }
    Ok(differences)
}

async fn digest(
    connection: &mut PgConnection,
    target: Target,
    table: &str,
    partition: i16,
) -> Result<(i64, String), sqlx::Error> {
    let row = sqlx::query!(
        r#"SELECT row_count AS "rows!", hash AS "hash!" FROM read.digest_rows($1, $2, $3)"#,
        target.generation,
        table,
        partition
    )
    .fetch_one(connection)
    .await?;
    Ok((row.rows, row.hash))
}

/// Keys and hashes in order.
async fn rows(
    connection: &mut PgConnection,
    target: Target,
    table: &str,
    partition: i16,
) -> Result<Vec<(String, i64)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT key AS "key!", hash AS "hash!" FROM read.hash_rows($1, $2, $3)"#,
        target.generation,
        table,
        partition
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.key, row.hash)).collect())
}

fn first_difference(live: &[(String, i64)], right: &[(String, i64)]) -> Option<FirstRow> {
    let (mut live, mut right) = (live.iter().peekable(), right.iter().peekable());
    loop {
        let (key, is, ought) = match (live.peek(), right.peek()) {
            (None, None) => return None,
            (Some((key, hash)), None) => (key, Some(*hash), None),
            (None, Some((key, hash))) => (key, None, Some(*hash)),
            (Some((is_key, is)), Some((ought_key, ought))) => match is_key.cmp(ought_key) {
                Ordering::Less => (is_key, Some(*is), None),
                Ordering::Greater => (ought_key, None, Some(*ought)),
                Ordering::Equal => (is_key, Some(*is), Some(*ought)),
            },
        };
        if is != ought {
            return Some(FirstRow { key: key.clone(), live: is, right: ought });
        }
        live.next();
        right.next();
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has {} rows instead of {}", self.table, self.live_rows, self.right_rows)?;
        let Some(first) = &self.first else { return Ok(()) };
        let hash = |hash: Option<i64>| hash.map_or("no row".to_owned(), |hash| format!("{hash:016x}"));
        write!(f, "; first at {}: {} instead of {}", first.key, hash(first.live), hash(first.right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows<const N: usize>(rows: [(&str, i64); N]) -> Vec<(String, i64)> {
        rows.map(|(key, hash)| (key.to_owned(), hash)).to_vec()
    }

    fn first<const N: usize, const M: usize>(
        live: [(&str, i64); N],
        right: [(&str, i64); M],
    ) -> Option<(String, bool, bool)> {
        let first = first_difference(&rows(live), &rows(right))?;
        Some((first.key, first.live.is_some(), first.right.is_some()))
    }

    #[test]
    fn the_first_row_that_differs_is_named() {
        assert_eq!(first([("a", 1), ("b", 2)], [("a", 1), ("b", 2)]), None);
        assert_eq!(first([("a", 1), ("b", 2)], [("a", 1), ("b", 3)]), Some(("b".to_owned(), true, true)));
        assert_eq!(first([("b", 2)], [("a", 1), ("b", 3)]), Some(("a".to_owned(), false, true)));
        assert_eq!(first([("a", 1), ("b", 2)], [("a", 1)]), Some(("b".to_owned(), true, false)));
    }
}

//! One attempt: a role does something to a relation under a tenant setting, and everything is rolled back.

use std::collections::BTreeMap;
use std::fmt;

use platform::testing::TestDatabase;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::relations::{NO_TENANT, Relation};

/// "Own" and "other", by turns: what is set is the one, so the rows of the other must stay away.
pub(super) const TENANTS: [&str; 2] = ["0a000000-0000-7000-8000-00000000000a", "0b000000-0000-7000-8000-00000000000b"];

#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) role: &'static str,
    pub(super) operation: Operation,
    pub(super) setting: Setting,
    /// Whose row an insert brings.
    pub(super) tenant: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Select,
    Insert,
    Update,
    Delete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    /// The index of the tenant that is set.
    Tenant(usize),
    /// On a connection where it never was.
    NeverSet,
    /// What is left of it on a pooled connection.
    Empty,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It worked, on so many rows of each tenant.
    Rows(BTreeMap<String, i64>),
    NotGranted,
    AgainstPolicy,
    AppendOnly,
    NotUpdatable,
    /// Through a view that does not show a column without which there is no row.
    Incomplete,
    Unforeseen(String),
}

/// A role's connections.
pub(super) struct Session {
    used: PgConnection,
    /// Nothing was ever set on it.
    fresh: PgConnection,
}

impl Session {
    pub(super) async fn open(database: &TestDatabase, role: &str) -> Self {
        let connect = || async { PgConnection::connect(&database.url(role)).await.unwrap() };
        Self { used: connect().await, fresh: connect().await }
    }

    pub(super) async fn attempt(&mut self, relation: &Relation, cell: &Cell) -> Outcome {
        let setting = match cell.setting {
            Setting::Tenant(index) => Some(TENANTS[index]),
            Setting::Empty => Some(""),
            Setting::NeverSet => None,
        };
        let connection = if setting.is_some() { &mut self.used } else { &mut self.fresh };
        let begin = match setting {
            Some(tenant) => format!("BEGIN; SET LOCAL app.tenant_id = '{tenant}'"),
            None => "BEGIN".to_owned(),
        };
        sqlx::raw_sql(AssertSqlSafe(begin)).execute(&mut *connection).await.unwrap();
        let result = attempt(relation, cell, connection).await;
        sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await.unwrap();
        result.unwrap_or_else(|error| classify(&error))
    }
}

impl Operation {
    pub(super) const ALL: [Self; 4] = [Self::Select, Self::Insert, Self::Update, Self::Delete];

    /// In the table of rights: for every tenant's rows, and for one's own.
    pub(super) fn letters(self) -> (char, char) {
        match self {
            Self::Select => ('S', 's'),
            Self::Insert => ('I', 'i'),
            Self::Update => ('U', 'u'),
            Self::Delete => ('D', 'd'),
        }
    }
}

impl Setting {
    pub(super) const ALL: [Self; 4] = [Self::Tenant(0), Self::Tenant(1), Self::NeverSet, Self::Empty];

    pub(super) fn is(self, tenant: &str) -> bool {
        matches!(self, Self::Tenant(index) if TENANTS[index] == tenant)
    }
}

impl Cell {
    /// The tenant whose row an insert brings, as rows are counted.
    pub(super) fn inserted(&self, relation: &Relation) -> String {
        if relation.has_tenant { self.tenant.to_owned() } else { NO_TENANT.to_owned() }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} under {:?}", self.role, self.operation, self.setting)?;
        if self.operation == Operation::Insert { write!(f, " of a row of {}", self.tenant) } else { Ok(()) }
    }
}

async fn attempt(relation: &Relation, cell: &Cell, connection: &mut PgConnection) -> Result<Outcome, sqlx::Error> {
    let (name, tenant, column) = (&relation.name, relation.tenant_expression(), relation.any_column());
    let counted = match cell.operation {
        Operation::Select => format!("SELECT {tenant} AS tenant, count(*) FROM {name} GROUP BY 1"),
        Operation::Update => format!(
            "WITH touched AS (UPDATE {name} SET \"{column}\" = \"{column}\" RETURNING {tenant} AS tenant)
             SELECT tenant, count(*) FROM touched GROUP BY 1"
        ),
        Operation::Delete => format!(
            "WITH touched AS (DELETE FROM {name} RETURNING {tenant} AS tenant)
             SELECT tenant, count(*) FROM touched GROUP BY 1"
        ),
        Operation::Insert => {
            let row = relation.insert(cell.tenant);
            let done = sqlx::raw_sql(AssertSqlSafe(row)).execute(connection).await?;
            let rows = i64::try_from(done.rows_affected()).unwrap();
            return Ok(Outcome::Rows(BTreeMap::from([(cell.inserted(relation), rows)])));
        }
    };
    let rows: Vec<(String, i64)> = sqlx::query_as(AssertSqlSafe(counted)).fetch_all(connection).await?;
    Ok(Outcome::Rows(rows.into_iter().collect()))
}

fn classify(error: &sqlx::Error) -> Outcome {
    let unforeseen = || Outcome::Unforeseen(error.to_string());
    let Some(refused) = error.as_database_error() else { return unforeseen() };
    let (code, message) = (refused.code().unwrap_or_default(), refused.message());
    match code.as_ref() {
        "42501" if message.starts_with("permission denied") => Outcome::NotGranted,
        "42501" if message.contains("violates row-level security policy") => Outcome::AgainstPolicy,
        "42501" if message.contains("append-only") => Outcome::AppendOnly,
        "55000" => Outcome::NotUpdatable,
        "23502" => Outcome::Incomplete,
        _ => unforeseen(),
    }
}

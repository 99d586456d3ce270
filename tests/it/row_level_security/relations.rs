//! What the catalogue says there is, and rows of two tenants in all of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::postgres::PgPool;
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

/// No generated number is one that a migration has put there.
static NUMBERS: AtomicU64 = AtomicU64::new(1_000);
/// For tables whose rows belong to no tenant.
pub(super) const NO_TENANT: &str = "";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Table,
    View,
}

#[derive(Debug, Clone)]
pub(super) struct Relation {
    /// With its schema.
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) owner: String,
    /// A table enables and forces row-level security, a view is `security_invoker`.
    pub(super) guarded: bool,
    /// Whether Postgres could insert through it at all.
    pub(super) insertable: bool,
    pub(super) has_tenant: bool,
    pub(super) columns: Vec<(String, String)>,
    /// How many rows each tenant has, as nobody but a superuser sees them.
    pub(super) rows: BTreeMap<String, i64>,
}

/// Every table, partition and view of our schemas.
pub(super) async fn of(admin: &PgPool) -> Vec<Relation> {
    let rows = sqlx::query(
        "SELECT n.nspname || '.' || c.relname AS name, c.relkind = 'v' AS is_view, r.rolname::text AS owner,
                CASE WHEN c.relkind = 'v' THEN EXISTS (SELECT FROM unnest(c.reloptions) o WHERE o ~ '^security_invoker=(true|on|1|yes)$')
                     ELSE c.relrowsecurity AND c.relforcerowsecurity END AS guarded,
                pg_relation_is_updatable(c.oid, false) & 8 = 8 AS insertable,
                ARRAY (SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
                       AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum) AS names,
                ARRAY (SELECT format_type(a.atttypid, NULL) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
                       AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum) AS types
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
         WHERE n.nspname ~ '^(store|read(_g[0-9]+)?)$' AND c.relkind IN ('r', 'p', 'v') ORDER BY 1",
    )
    .fetch_all(admin)
    .await
    .unwrap();
    rows.iter()
        .map(|row| {
            let names: Vec<String> = row.get("names");
            let types: Vec<String> = row.get("types");
            Relation {
                name: row.get("name"),
                kind: if row.get("is_view") { Kind::View } else { Kind::Table },
                owner: row.get("owner"),
                guarded: row.get("guarded"),
                insertable: row.get("insertable"),
                has_tenant: names.iter().any(|name| name == "tenant_id"),
                columns: names.into_iter().zip(types).collect(),
                rows: BTreeMap::new(),
            }
        })
        .collect()
}

/// The same, each tenant having rows in every table. A superuser writes them, past policies and past the constraints,
/// which are dropped: what a row says, and whether another says the same, is no matter here.
pub(super) async fn seeded(admin: &PgPool, tenants: &[&str]) -> Vec<Relation> {
    sqlx::raw_sql(
        "DO $$ DECLARE c record; BEGIN
             FOR c IN SELECT conrelid::regclass AS of_table, conname FROM pg_constraint
                      WHERE contype IN ('c', 'f', 'p', 'u') AND connamespace::regnamespace::text ~ '^(store|read(_g[0-9]+)?)$' LOOP
                 EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.of_table, c.conname);
             END LOOP;
         END $$",
    )
    .execute(admin)
    .await
    .unwrap();
    let mut relations = of(admin).await;
    for table in relations.iter().filter(|relation| relation.kind == Kind::Table) {
        let there = rows_of(admin, table).await;
        // What belongs to no tenant is there from the first migration on, or gets one row.
        let of: Vec<&str> =
            if table.has_tenant { tenants.to_vec() } else { vec![NO_TENANT; usize::from(there.is_empty())] };
        for tenant in of {
            sqlx::raw_sql(AssertSqlSafe(table.insert(tenant))).execute(admin).await.unwrap_or_else(|error| {
                panic!("no row can be made up for {}: {error}", table.name);
            });
        }
    }
    for relation in &mut relations {
        relation.rows = rows_of(admin, relation).await;
        assert!(
            !relation.rows.is_empty(),
            "{} shows no row to anybody, so its cells would prove nothing",
            relation.name
        );
    }
    relations
}

impl Relation {
    /// A row that is not there yet.
    pub(super) fn insert(&self, tenant: &str) -> String {
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let names: Vec<String> = self.columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let values: Vec<String> =
            self.columns.iter().map(|(name, of_type)| value(name, of_type, tenant, number)).collect();
        format!("INSERT INTO {} ({}) VALUES ({})", self.name, names.join(", "), values.join(", "))
    }

    /// How rows are told apart when they are counted.
    pub(super) fn tenant_expression(&self) -> &'static str {
        if self.has_tenant { "tenant_id::text" } else { "''::text" }
    }

    pub(super) fn any_column(&self) -> &str {
        if self.has_tenant { "tenant_id" } else { &self.columns[0].0 }
    }
}

async fn rows_of(admin: &PgPool, relation: &Relation) -> BTreeMap<String, i64> {
    let counted =
        format!("SELECT {} AS tenant, count(*) FROM {} GROUP BY 1", relation.tenant_expression(), relation.name);
    let rows: Vec<(String, i64)> = sqlx::query_as(AssertSqlSafe(counted)).fetch_all(admin).await.unwrap();
    rows.into_iter().collect()
}

fn value(name: &str, of_type: &str, tenant: &str, number: u64) -> String {
    match of_type {
        "uuid" if name == "tenant_id" => format!("'{tenant}'"),
        "uuid" => format!("'{}'", Uuid::from_u128(u128::from(number))),
        "text" => format!("'made-up-{number}'"),
        "text[]" => "'{}'".to_owned(),
        "tsvector" => format!("'made-up-{number}'"),
        "smallint" | "integer" | "bigint" => number.to_string(),
        "boolean" => "false".to_owned(),
        "bytea" => format!("'\\x{number:064x}'"),
        "timestamp with time zone" => format!("to_timestamp({number})"),
        "date" => format!("date '2026-01-01' + {number}"),
        unknown => panic!("column {name} is of type {unknown}: say here how a value of it looks"),
    }
}

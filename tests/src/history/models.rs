//! Read models as they are: every row of every table as JSON, in a form that a fold can be compared with.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sqlx::QueryBuilder;
use sqlx::postgres::{PgConnection, Postgres};
use sqlx::types::chrono::DateTime;

/// Of one table, in a failure's message.
const DIFFERENCES_SHOWN_MAX: usize = 5;

/// Table → rows by their key.
pub type Models = BTreeMap<&'static str, BTreeMap<String, Value>>;

/// Each table, the columns of its key, and which of its rows say nothing: a counter back at zero may stay or go.
const TABLES: [(&str, &[&str], &str); 19] = [
    ("organizations", &["tenant_id"], "false"),
    ("users", &["user_id"], "false"),
    ("user_totals", &["tenant_id"], "false"),
    ("api_keys", &["api_key_id"], "false"),
    ("api_key_totals", &["tenant_id"], "false"),
    ("devices", &["device_id"], "false"),
    ("device_totals", &["tenant_id"], "false"),
    ("findings", &["finding_id"], "false"),
    ("finding_cves", &["finding_id", "cve"], "false"),
    ("finding_history", &["finding_id", "version"], "false"),
    ("finding_totals", &["tenant_id"], "false"),
    ("scans", &["scan_id"], "false"),
    ("scan_totals", &["tenant_id"], "false"),
    ("finding_counts", &["tenant_id", "severity", "disposition", "detected", "open", "device_type"], "n = 0"),
    ("device_counts", &["tenant_id", "device_type"], "n = 0"),
    ("daily_counts", &["tenant_id", "day"], "raised = 0 AND closed = 0"),
    ("device_risk", &["device_id"], "open_critical = 0 AND open_high = 0"),
    ("audit_trail", &["tenant_id", "seq"], "false"),
    ("audit_trail_totals", &["tenant_id"], "false"),
];

pub(super) async fn read(snapshot: &mut PgConnection) -> Models {
    let mut models = Models::new();
    for (table, key, silent) in TABLES {
        let mut query = QueryBuilder::<Postgres>::new("SELECT to_jsonb(t)::text FROM read.");
        query.push(table).push(" t WHERE NOT (").push(silent).push(")");
        let rows: Vec<String> =
            query.build_query_scalar().fetch_all(&mut *snapshot).await.expect("a read model can be read");
        let rows = rows.iter().map(|row| plain(serde_json::from_str(row).expect("Postgres writes JSON")));
        models.insert(table, rows.map(|row| (key_of(&row, key), row)).collect());
    }
    models
}

/// Puts a row of a fold where the same row of the table would be.
pub(super) fn put(models: &mut Models, table: &'static str, row: Value) {
    let (_, key, _) = TABLES.iter().find(|(name, _, _)| *name == table).unwrap_or_else(|| panic!("no table {table}"));
    models.entry(table).or_default().insert(key_of(&row, key), row);
}

pub(super) fn assert_same(expected: &Models, found: &Models) {
    let mut differences = vec![];
    for (table, _, _) in TABLES {
        let nothing = BTreeMap::new();
        let (expected, found) = (expected.get(table).unwrap_or(&nothing), found.get(table).unwrap_or(&nothing));
        let keys = expected.keys().chain(found.keys().filter(|key| !expected.contains_key(*key)));
        let differing = keys.filter(|key| expected.get(*key) != found.get(*key));
        differences.extend(
            differing.take(DIFFERENCES_SHOWN_MAX).map(|key| difference(table, key, expected.get(key), found.get(key))),
        );
    }
    assert!(differences.is_empty(), "read models are not the fold of the log:\n{}", differences.join("\n"));
}

fn difference(table: &str, key: &str, expected: Option<&Value>, found: Option<&Value>) -> String {
    match (expected, found) {
        (Some(Value::Object(expected)), Some(Value::Object(found))) => {
            let names: Vec<&String> =
                expected.keys().chain(found.keys().filter(|name| !expected.contains_key(*name))).collect();
            let columns = names.into_iter().filter(|name| expected.get(*name) != found.get(*name));
            let columns: Vec<String> =
                columns.map(|name| format!("{name} is {:?}, not {:?}", found.get(name), expected.get(name))).collect();
            format!("{table} {key}: {}", columns.join("; "))
        }
        (expected, found) => format!("{table} {key}: is {found:?}, not {expected:?}"),
    }
}

/// Times as microseconds, and JSON in text as JSON: there are many spellings, and none of them is meant.
fn plain(row: Map<String, Value>) -> Value {
    let columns = row.into_iter().map(|(name, value)| {
        let value = match value {
            Value::String(text) if name.ends_with("_at") || name.ends_with("_until") => {
                let time = DateTime::parse_from_rfc3339(&text).expect("Postgres writes times as RFC 3339");
                Value::from(time.timestamp_micros())
            }
            Value::String(text) if name.ends_with("_json") || name.ends_with("_sealed") => {
                serde_json::from_str(&text).expect("the column holds JSON")
            }
            value @ (Value::String(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_)) => value,
        };
        (name, value)
    });
    Value::Object(columns.collect())
}

fn key_of(row: &Value, columns: &[&str]) -> String {
    columns.iter().map(|column| row[*column].to_string()).collect::<Vec<_>>().join(" ")
}

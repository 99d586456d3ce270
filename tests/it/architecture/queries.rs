//! The metadata in `.sqlx`, which every build trusts, against a database made of the migrations. The other half, that
//! none is missing, is the build's own: it runs offline.

use platform::testing;
use serde_json::{Value, json};
use sqlx::{Executor, PgConnection, SqlStr};

use super::{files, read, root, shown};

/// Where SQL is written down.
const SQL_IN: [&str; 2] = ["rs", "sql"];

#[tokio::test]
async fn the_committed_query_metadata_is_that_of_the_migrations() {
    let database = testing::database().await;
    let pool = database.admin_pool().await;
    let mut connection = pool.acquire().await.unwrap();
    // A projection names its tables alone; any generation will do, since migrations make them alike.
    connection.execute("SET search_path = public, read_g1").await.unwrap();
    let mut stale = Vec::new();
    let committed = committed();
    assert!(!committed.is_empty(), ".sqlx is empty");
    for (file, metadata) in &committed {
        match described(&mut connection, metadata["query"].as_str().unwrap()).await {
            Ok(now) if agree(&metadata["describe"], &now) => {}
            Ok(now) => stale.push(format!("{file}: {:#} is now {now:#}", metadata["describe"])),
            Err(error) => stale.push(format!("{file}: {error}")),
        }
    }
    assert!(stale.is_empty(), "write it anew (CONTRIBUTING.md, change a query):\n{}", stale.join("\n"));
}

#[test]
fn no_metadata_is_kept_of_queries_that_are_gone() {
    let sources: String =
        SQL_IN.iter().flat_map(|extension| files(extension)).map(|file| squeezed(&read(&file))).collect();
    let gone: Vec<_> = committed()
        .into_iter()
        .filter(|(_, metadata)| !sources.contains(&squeezed(metadata["query"].as_str().unwrap())))
        .map(|(file, metadata)| format!("{file}: {}", metadata["query"]))
        .collect();
    assert!(gone.is_empty(), "remove them: {gone:#?}");
}

fn committed() -> Vec<(String, Value)> {
    let files =
        files("json").into_iter().filter(|file| file.parent().is_some_and(|folder| folder == root().join(".sqlx")));
    files.map(|file| (shown(&file), serde_json::from_str(&read(&file)).unwrap())).collect()
}

/// What the macros would be told.
async fn described(connection: &mut PgConnection, query: &str) -> Result<Value, sqlx::Error> {
    let description = connection.describe(SqlStr::from_static(query.to_owned().leak())).await?;
    Ok(serde_json::to_value(&description).unwrap())
}

/// Parameters and columns with their names and types. Whether a column may be null depends on the plan, and a plan on
/// what is in the tables.
fn agree(committed: &Value, now: &Value) -> bool {
    columns(committed) == columns(now) && committed["parameters"] == now["parameters"]
}

fn columns(description: &Value) -> Vec<(Value, Value)> {
    let columns = description["columns"].as_array().map_or(&[][..], Vec::as_slice);
    columns.iter().map(|column| (column["name"].clone(), column["type_info"].clone())).collect()
}

/// Without what differs between a literal in the source and the text it stands for.
fn squeezed(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace() && *character != '\\').collect()
}

#[test]
fn a_changed_type_is_noticed_and_a_changed_plan_is_not() {
    let was =
        json!({ "columns": [{ "name": "a", "type_info": "Int8" }], "parameters": { "Left": [] }, "nullable": [true] });
    let mut now = was.clone();
    now["nullable"] = json!([false]);
    assert!(agree(&was, &now));
    now["columns"][0]["type_info"] = json!("Int4");
    assert!(!agree(&was, &now));
}

//! The indexes of the log and of what is served, against the list that the migrations make (`indexes.txt`).
//!
//! Of the generations of read models only the live ones count: one that is being filled gets its indexes in the end.

use std::collections::BTreeSet;

use sqlx::PgConnection;

use super::finding::Finding;

pub(super) const EXPECTED: &str = include_str!("indexes.txt");
/// Stands for the schema of whichever generation is live.
const LIVE: &str = "{live}";

/// An index, with the generation's schema taken out of its definition.
pub(super) struct Index {
    pub(super) definition: String,
    name: String,
    valid: bool,
    schema: String,
}

pub(super) async fn check(c: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    let there = all(c).await?;
    let mut findings: Vec<_> = there.iter().filter(|index| !index.valid).map(invalid).collect();
    let known: BTreeSet<&str> = there.iter().map(|index| index.definition.as_str()).collect();
    for definition in EXPECTED.lines().filter(|definition| !known.contains(definition)) {
        let name = definition.split(' ').skip_while(|word| *word != "INDEX").nth(1).unwrap_or(definition);
        let create = definition.replace(LIVE, home_of(definition, &there)).replacen("INDEX", "INDEX CONCURRENTLY", 1);
        findings.push(Finding::bad("indexes", name, "the index is missing".to_owned()).mend(create));
    }
    Ok(findings)
}

/// The schema in which the definition's table is live: that of another index of it. Each projection switches by itself.
fn home_of<'a>(definition: &str, there: &'a [Index]) -> &'a str {
    let table = |definition: &str| definition.split(' ').skip_while(|word| *word != "ON").nth(1).map(str::to_owned);
    let wanted = table(definition);
    there.iter().find(|index| table(&index.definition) == wanted).map_or("read_g1", |index| index.schema.as_str())
}

pub(super) async fn all(c: &mut PgConnection) -> sqlx::Result<Vec<Index>> {
    let rows: Vec<(String, String, String, bool)> = sqlx::query_as(
        "WITH served AS ( -- the tables that the views of `read` show
             SELECT DISTINCT d.refobjid AS oid FROM pg_rewrite r
             JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'v' AND v.relnamespace = 'read'::regnamespace
             JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass)
         SELECT pg_get_indexdef(i.indexrelid), format('%I.%I', n.nspname, x.relname), n.nspname::text,
                i.indisvalid AND i.indisready
         FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
         JOIN pg_namespace n ON n.oid = t.relnamespace
         WHERE n.nspname IN ('store', 'read') OR (n.nspname ~ '^read_g[0-9]+$' AND t.oid IN (SELECT oid FROM served))
         ORDER BY 1",
    )
    .fetch_all(c)
    .await?;
    let index = |(definition, name, schema, valid): (String, String, String, bool)| Index {
        definition: match schema.starts_with("read_g") {
            true => definition.replace(&format!("{schema}."), &format!("{LIVE}.")),
            false => definition,
        },
        name,
        valid,
        schema,
    };
    Ok(rows.into_iter().map(index).collect())
}

fn invalid(index: &Index) -> Finding {
    Finding::bad("indexes", &index.name, "the index was not finished, and no query uses it".to_owned())
        .mend(format!("REINDEX INDEX CONCURRENTLY {}", index.name))
}

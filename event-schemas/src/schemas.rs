//! JSON Schema per stored version, for readers that are not ours. The committed files under `schemas/` are a promise: a
//! test compares them with the types, and [`breaking_changes`] names what would break a reader or what is stored.

mod compatibility;

pub use compatibility::{Break, What, breaking_changes};

use serde_json::Value;

use crate::catalogue::{self, StoredVersion};

/// A schema and the file it is committed as: `finding.raised.v1.json`.
pub struct Document {
    pub file_name: String,
    pub schema: Value,
}

/// One for every version that was ever stored.
pub fn documents() -> impl Iterator<Item = Document> {
    catalogue::stored_versions().map(|StoredVersion { name, version, schema, .. }| Document {
        file_name: format!("{name}.v{version}.json"),
        schema: schema.to_value(),
    })
}

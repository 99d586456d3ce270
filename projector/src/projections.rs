//! What the read models are. Each projection owns its tables (`migrations/0003_read_models.sql`), and its SQL stands
//! beside the row it fills; how batches, duplicates and bad events are dealt with is not theirs to know.

pub(crate) mod api_keys;
pub(crate) mod audit_trail;
pub(crate) mod devices;
pub(crate) mod finding_search;
mod finding_state;
pub(crate) mod findings;
pub(crate) mod operations;
pub(crate) mod organizations;
pub(crate) mod scans;
pub(crate) mod summary;
pub(crate) mod users;

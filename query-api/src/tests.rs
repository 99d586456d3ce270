//! The whole service over HTTP, against real Postgres: read models are filled as the projector would, callers are
//! real tokens and keys.

mod audit;
mod consistency;
mod denials;
mod documents;
mod filters;
mod isolation;
mod paging;
mod personal_data;
mod pooler;
mod resources;
mod rights;
mod search;
mod standbys;
mod summaries;
mod tags;
mod world;

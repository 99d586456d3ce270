//! The whole service over HTTP, against real Postgres: read models are filled as the projector would, callers are
//! real tokens and keys.

mod audit;
mod consistency;
mod documents;
mod filters;
mod isolation;
mod paging;
mod personal_data;
mod resources;
mod rights;
mod search;
mod summaries;
mod tags;
mod world;

//! The projector against real Postgres: events in the store, rows in the read models.

mod copies;
mod epochs;
mod facts;
mod feeds;
mod generations;
mod loops;
mod operations;
mod parking;
mod projections;
mod running;
mod tenants;
mod world;

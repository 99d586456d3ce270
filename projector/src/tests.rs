//! The projector against real Postgres: events in the store, rows in the read models.

mod loops;
mod parking;
mod projections;
mod tenants;
mod world;

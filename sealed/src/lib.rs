//! Personal data under a person's key: written form, seal, open, and `Erased` as a value.
//!
//! What is written in the clear once can never be erased from a log, so a personal field is written as a [`Field`]:
//! ciphertext under the key of the person it is about. Destroying that key erases the person from the log, its replicas
//! and its backups at once, and what was theirs reads as [`Opened::Erased`] from then on.
//!
//! ```text
//! root key ──wraps──▶ tenant key ──wraps──▶ subject key ──seals──▶ Field
//! ```
//!
//! This crate never does IO, keeps no key, and never decides whose key a field is sealed under.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failing test should stop where it fails"))]

mod aead;
mod blind_index;
mod field;
mod key;
mod seal;
mod wrap;

pub use aead::NoRandomness;
pub use blind_index::blind_index;
pub use field::Field;
pub use key::{DataKey, KEY_BYTES, KeyId, WrongLength};
pub use seal::{Opened, Place, Tampered, open, seal};
pub use wrap::{CannotUnwrap, Holder, unwrap, wrap};

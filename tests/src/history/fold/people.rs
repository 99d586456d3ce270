//! Users with their log ins, and scanners' keys. What is true of a user is asked of the write side's fold.

use std::collections::BTreeMap;

use domain::decider::Decider;
use domain::user::{self, Entry as Entered, User};
use event_schemas::{Recorded, Written, api_key, session};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::history::models::put;
use crate::history::{Entry, Models};

#[derive(Default)]
pub(super) struct People {
    users: BTreeMap<Uuid, (User, Value)>,
    api_keys: BTreeMap<Uuid, Value>,
}

impl People {
    pub(super) fn user(&mut self, Entry { row, header, .. }: &Entry, event: &event_schemas::user::Written) {
        use event_schemas::user::Written as W;
        let at = row.recorded_micros;
        let (state, known) = self.users.entry(row.stream_id).or_insert_with(|| {
            let known = json!({ "tenant_id": row.tenant_id, "user_id": row.stream_id, "invited_at": at,
                "invited_by": header.actor.to_string(), "accepted_at": null, "last_log_in_at": null, "log_in_count": 0 });
            (User::initial(), known)
        });
        let fact = user::Event::read(Written::User(event.clone())).expect("what was decided can be read back");
        *state = state.evolve(&fact).expect("what was decided can be replayed");
        match event {
            // Whoever is invited again has the role, the end and the names of the new invitation.
            W::Invited(invited) => {
                known["login_sealed"] = json!(invited.login);
                known["display_name_sealed"] = json!(invited.display_name);
                known["email_sealed"] = json!(invited.email);
                known["sealed_event_id"] = json!(row.event_id);
                known["invitation_expires_at"] = json!(invited.expires_at);
            }
            W::Accepted(_) => known["accepted_at"] = json!(at),
            W::RoleSet(_) | W::Disabled(_) | W::Enabled(_) => {}
        }
        (known["version"], known["last_changed_at"]) = (json!(row.stream_version), json!(at));
    }

    pub(super) fn session(&mut self, Entry { row, .. }: &Entry, event: &session::Written) {
        match event {
            session::Written::Started(started) => {
                let (_, known) = self.users.get_mut(&started.user).expect("who logs in was invited before");
                known["last_log_in_at"] = json!(row.recorded_micros);
                known["log_in_count"] = json!(known["log_in_count"].as_i64().unwrap_or_default() + 1);
            }
            session::Written::LoggedOut(_) | session::Written::Expired(_) => {}
        }
    }

    pub(super) fn api_key(&mut self, Entry { row, header, .. }: &Entry, event: &api_key::Written) {
        use api_key::Written as W;
        let at = row.recorded_micros;
        let known = self.api_keys.entry(row.stream_id).or_insert_with(|| {
            json!({ "tenant_id": row.tenant_id, "api_key_id": row.stream_id, "status": "active", "issued_at": at,
                "issued_by": header.actor.to_string(), "ended_at": null })
        });
        match event {
            W::Issued(issued) => {
                (known["name"], known["public_id"]) = (json!(issued.name), json!(issued.public_id));
                known["expires_at"] = json!(issued.expires_at);
            }
            W::Revoked(_) => (known["status"], known["ended_at"]) = (json!("revoked"), json!(at)),
            W::Expired(_) => (known["status"], known["ended_at"]) = (json!("expired"), json!(at)),
        }
        (known["version"], known["last_changed_at"]) = (json!(row.stream_version), json!(at));
    }

    pub(super) fn finish(self, models: &mut Models) {
        for (state, mut row) in self.users.into_values() {
            let (status, accepted) = match state {
                User::Uninvited => panic!("a user begins with an invitation"),
                User::Invited { .. } => ("invited", false),
                User::Active { .. } => ("active", true),
                User::Disabled { entry: Entered::Invited(_), .. } => ("disabled", false),
                User::Disabled { entry: Entered::Accepted(_), .. } => ("disabled", true),
            };
            (row["status"], row["accepted"]) = (json!(status), json!(accepted));
            row["role"] = json!(state.role().map(|role| role.as_str()));
            put(models, "users", row);
        }
        self.api_keys.into_values().for_each(|row| put(models, "api_keys", row));
    }
}

//! Users, with when and how often they logged in. Their names and addresses stay sealed: this crate has no key.

use chrono::{DateTime, Utc};
use domain::vocabulary::StreamKind;
use event_schemas::{Written, session, user};
use platform::keyring::Field;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::event::Event;
use crate::failure::Failure;
use crate::projection::Projection;
use crate::rows::{Impossible, Key, Keys, Row, afters, column, fold, growth, time};

#[derive(Debug)]
pub(crate) struct Users;

#[derive(Clone, Debug)]
struct UserRow {
    tenant_id: Uuid,
    user_id: Uuid,
    version: i64,
    role: String,
    status: String,
    accepted: bool,
    login_sealed: String,
    display_name_sealed: Option<String>,
    email_sealed: Option<String>,
    sealed_event_id: Uuid,
    invited_at: DateTime<Utc>,
    invited_by: String,
    invitation_expires_at: DateTime<Utc>,
    accepted_at: Option<DateTime<Utc>>,
    last_log_in_at: Option<DateTime<Utc>>,
    log_in_count: i64,
    last_changed_at: DateTime<Utc>,
}

impl Projection for Users {
    const NAME: &'static str = "users";

    fn reads(kind: StreamKind) -> bool {
        matches!(kind, StreamKind::User | StreamKind::Session)
    }

    fn hangs_below(event: &Event) -> Option<Uuid> {
        user_of_session(event)
    }

    async fn apply(events: &[&Event], transaction: &mut PgConnection) -> Result<(), Failure> {
        let changes = fold::<UserRow>(events, transaction).await?;
        if changes.is_empty() {
            return Ok(());
        }
        store(&afters(&changes), transaction).await?;
        let growth = growth(&changes);
        sqlx::query!(
            "INSERT INTO user_totals AS t (tenant_id, total) SELECT * FROM unnest($1::uuid[], $2::bigint[])
             ON CONFLICT (tenant_id) DO UPDATE SET total = t.total + excluded.total",
            &growth.tenants,
            &growth.counts
        )
        .execute(transaction)
        .await?;
        Ok(())
    }
}

impl Row for UserRow {
    async fn load(keys: &Keys, transaction: &mut PgConnection) -> Result<Vec<Self>, sqlx::Error> {
        sqlx::query_as!(
            Self,
            "SELECT u.tenant_id, u.user_id, version, role, status, accepted, login_sealed, display_name_sealed, email_sealed,
                    sealed_event_id, invited_at, invited_by, invitation_expires_at, accepted_at, last_log_in_at, log_in_count,
                    last_changed_at
             FROM unnest($1::uuid[], $2::uuid[]) AS k (tenant_id, user_id)
             JOIN users u ON u.tenant_id = k.tenant_id AND u.user_id = k.user_id",
            &keys.tenants,
            &keys.streams
        )
        .fetch_all(transaction)
        .await
    }

    fn key(&self) -> Key {
        Key { tenant: self.tenant_id, stream: self.user_id }
    }

    fn version(&self) -> i64 {
        self.version
    }

    /// A log in is its session's event and its user's row.
    fn touched_by(event: &Event) -> Option<Key> {
        match event.kind {
            Some(StreamKind::User) => Some(event.key()),
            Some(_) | None => user_of_session(event).map(|user| Key { tenant: event.tenant, stream: user }),
        }
    }

    fn evolve(row: Option<Self>, event: &Event) -> Result<Self, Impossible> {
        use user::Written as W;
        if user_of_session(event).is_some() {
            let mut row = row.ok_or(Impossible("a session of a user who was never invited"))?;
            row.last_log_in_at = row.last_log_in_at.max(Some(event.recorded_at));
            row.log_in_count += 1;
            return Ok(row);
        }
        let Some(Written::User(written)) = event.written() else { return row.ok_or(Impossible("not a user's event")) };
        let mut row = match (row, written) {
            (None, W::Invited(invited)) => Self::invited(event, invited)?,
            (Some(row), W::Invited(_) | W::Accepted(_) | W::RoleSet(_) | W::Disabled(_) | W::Enabled(_)) => row,
            (None, W::Accepted(_) | W::RoleSet(_) | W::Disabled(_) | W::Enabled(_)) => {
                return Err(Impossible("the user was never invited"));
            }
        };
        match written {
            // Invited again before they accepted: what the newest invitation says holds.
            W::Invited(invited) => {
                let newest = Self::invited(event, invited)?;
                row = Self {
                    role: newest.role,
                    login_sealed: newest.login_sealed,
                    display_name_sealed: newest.display_name_sealed,
                    email_sealed: newest.email_sealed,
                    sealed_event_id: newest.sealed_event_id,
                    invitation_expires_at: newest.invitation_expires_at,
                    ..row
                };
            }
            W::Accepted(_) => {
                row.accepted = true;
                row.accepted_at = Some(event.recorded_at);
                row.set_status(row.status != "disabled");
            }
            W::RoleSet(set) => row.role.clone_from(&set.role),
            W::Disabled(_) => row.set_status(false),
            W::Enabled(_) => row.set_status(true),
        }
        row.version = event.version;
        row.last_changed_at = event.recorded_at;
        Ok(row)
    }
}

impl UserRow {
    fn invited(event: &Event, invited: &user::v1::Invited) -> Result<Self, Impossible> {
        Ok(Self {
            tenant_id: event.tenant,
            user_id: event.stream,
            version: event.version,
            role: invited.role.clone(),
            status: "invited".to_owned(),
            accepted: false,
            login_sealed: written(&invited.login)?,
            display_name_sealed: invited.display_name.as_ref().map(written).transpose()?,
            email_sealed: invited.email.as_ref().map(written).transpose()?,
            sealed_event_id: event.id,
            invited_at: event.recorded_at,
            invited_by: event.actor(),
            invitation_expires_at: time(invited.expires_at)?,
            accepted_at: None,
            last_log_in_at: None,
            log_in_count: 0,
            last_changed_at: event.recorded_at,
        })
    }

    fn set_status(&mut self, enabled: bool) {
        self.status = match (enabled, self.accepted) {
            (false, _) => "disabled",
            (true, false) => "invited",
            (true, true) => "active",
        }
        .to_owned();
    }
}

fn user_of_session(event: &Event) -> Option<Uuid> {
    match event.written() {
        Some(Written::Session(session::Written::Started(started))) => Some(started.user),
        Some(_) | None => None,
    }
}

fn written(field: &Field) -> Result<String, Impossible> {
    serde_json::to_string(field).map_err(|_| Impossible("a sealed field is not JSON"))
}

async fn store(rows: &[UserRow], transaction: &mut PgConnection) -> Result<(), Failure> {
    sqlx::query!(
        "INSERT INTO users (tenant_id, user_id, version, role, status, accepted, login_sealed, display_name_sealed,
             email_sealed, sealed_event_id, invited_at, invited_by, invitation_expires_at, accepted_at, last_log_in_at, log_in_count,
             last_changed_at)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::boolean[], $7::text[], $8::text[],
             $9::text[], $10::uuid[], $11::timestamptz[], $12::text[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[],
             $16::bigint[], $17::timestamptz[])
         ON CONFLICT (tenant_id, user_id) DO UPDATE SET version = excluded.version, role = excluded.role, status = excluded.status,
             login_sealed = excluded.login_sealed, display_name_sealed = excluded.display_name_sealed,
             email_sealed = excluded.email_sealed, sealed_event_id = excluded.sealed_event_id,
             invitation_expires_at = excluded.invitation_expires_at, accepted = excluded.accepted, accepted_at = excluded.accepted_at, last_log_in_at = excluded.last_log_in_at,
             log_in_count = excluded.log_in_count, last_changed_at = excluded.last_changed_at",
        &column(rows, |row| row.tenant_id),
        &column(rows, |row| row.user_id),
        &column(rows, |row| row.version),
        &column(rows, |row| row.role.as_str()) as &[&str],
        &column(rows, |row| row.status.as_str()) as &[&str],
        &column(rows, |row| row.accepted),
        &column(rows, |row| row.login_sealed.as_str()) as &[&str],
        &column(rows, |row| row.display_name_sealed.as_deref()) as &[Option<&str>],
        &column(rows, |row| row.email_sealed.as_deref()) as &[Option<&str>],
        &column(rows, |row| row.sealed_event_id),
        &column(rows, |row| row.invited_at),
        &column(rows, |row| row.invited_by.as_str()) as &[&str],
        &column(rows, |row| row.invitation_expires_at),
        &column(rows, |row| row.accepted_at) as &[Option<DateTime<Utc>>],
        &column(rows, |row| row.last_log_in_at) as &[Option<DateTime<Utc>>],
        &column(rows, |row| row.log_in_count),
        &column(rows, |row| row.last_changed_at),
    )
    .execute(transaction)
    .await?;
    Ok(())
}

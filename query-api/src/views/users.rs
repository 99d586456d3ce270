//! Users, latest invitation first.

use chrono::{DateTime, Utc};
use platform::keyring::Keyring;
use serde::Serialize;
use sqlx::{FromRow, QueryBuilder};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    exact_total,
    person::{SealedText, Shown, open_rows},
};
use crate::{
    error::Failure,
    page::{Ask, Page, Pager},
    tenant_tx::TenantTx,
    versions::Moment,
    vocabulary::{UserRole, UserStatus},
};

/// Places in the event that the seals are bound to.
const LOGIN_PATH: &str = "/body/login";
const DISPLAY_NAME_PATH: &str = "/body/display_name";
const EMAIL_PATH: &str = "/body/email";

/// Somebody of the organization.
#[derive(Debug, Serialize, ToSchema)]
pub struct User {
    pub id: Uuid,
    /// The stream's version, for `If-Match`.
    pub version: i64,
    /// Null once the person was erased.
    #[schema(required = true)]
    pub login: Option<String>,
    #[schema(required = true)]
    pub display_name: Option<String>,
    #[schema(required = true)]
    pub email: Option<String>,
    /// True once the person was erased: what was theirs is null for ever.
    pub erased: bool,
    pub role: UserRole,
    pub status: UserStatus,
    pub invited_at: DateTime<Utc>,
    /// Who invited: `user:<id>` or `operator`.
    pub invited_by: String,
    pub invitation_expires_at: DateTime<Utc>,
    #[schema(required = true)]
    pub accepted_at: Option<DateTime<Utc>>,
    #[schema(required = true)]
    pub last_log_in_at: Option<DateTime<Utc>>,
    pub log_in_count: i64,
    pub last_changed_at: DateTime<Utc>,
}

/// What a user is called.
#[derive(Debug)]
pub struct Names {
    pub login: Option<String>,
    pub display_name: Option<String>,
    pub email: Option<String>,
    pub erased: bool,
}

#[derive(Debug, FromRow)]
struct Row {
    user_id: Uuid,
    version: i64,
    role: UserRole,
    status: UserStatus,
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

/// Where a page of users ends.
pub type Key = (DateTime<Utc>, Uuid);

pub async fn page(
    mut tx: TenantTx,
    keyring: &Keyring,
    moment: &Moment<'_>,
    pager: &Pager<'_>,
    ask: &Ask<Key>,
) -> Result<Page<User>, Failure> {
    let mut query = QueryBuilder::new(
        "SELECT user_id, version, role, status, login_sealed, display_name_sealed, email_sealed, sealed_event_id,
                invited_at, invited_by, invitation_expires_at, accepted_at, last_log_in_at, log_in_count,
                last_changed_at
         FROM read.users WHERE tenant_id = ",
    );
    query.push_bind(tx.tenant());
    if let Some(after) = &ask.after {
        let (invited_at, user_id) = after.key;
        query.push(" AND (invited_at, user_id) < (").push_bind(invited_at);
        query.push(", ").push_bind(user_id).push(")");
    }
    query.push(" ORDER BY invited_at DESC, user_id DESC LIMIT ").push(ask.rows_to_fetch());
    let rows: Vec<Row> = query.build_query_as().fetch_all(tx.connection()).await?;
    let total = match moment.known_total(pager, ask).await {
        Some(total) => total,
        None => moment.keep_total(pager, exact_total(kept_total(&mut tx).await?)).await,
    };
    let tenant = tx.tenant();
    drop(tx);
    let page = pager.page(ask, rows, total, moment.is_degraded(), |row| (row.invited_at, row.user_id));
    let sealed = page.items.iter().map(sealed_names).collect::<Result<Vec<_>, Failure>>()?;
    let mut names = open_rows(keyring, tenant, sealed).await?.into_iter().map(Names::of);
    page.try_map(|row| Ok(row.named(names.next().unwrap_or_else(Names::unknown))))
}

/// What one user is called; nothing while the read model has not heard of them.
pub async fn names_of(mut tx: TenantTx, keyring: &Keyring, user: Uuid) -> Result<Option<Names>, Failure> {
    let tenant = tx.tenant();
    let row = sqlx::query!(
        r#"SELECT login_sealed AS "login_sealed!", display_name_sealed, email_sealed,
                  sealed_event_id AS "sealed_event_id!"
           FROM read.users WHERE tenant_id = $1 AND user_id = $2"#,
        tenant,
        user
    )
    .fetch_optional(tx.connection())
    .await?;
    drop(tx);
    let Some(row) = row else { return Ok(None) };
    let sealed = seals(row.sealed_event_id, Some(row.login_sealed), row.display_name_sealed, row.email_sealed)?;
    Ok(open_rows(keyring, tenant, vec![sealed]).await?.into_iter().next().map(Names::of))
}

async fn kept_total(tx: &mut TenantTx) -> Result<Option<i64>, Failure> {
    let tenant = tx.tenant();
    let total = sqlx::query_scalar!(r#"SELECT total AS "total!" FROM read.user_totals WHERE tenant_id = $1"#, tenant)
        .fetch_optional(tx.connection())
        .await?;
    Ok(total)
}

fn sealed_names(row: &Row) -> Result<[SealedText; 3], Failure> {
    seals(
        row.sealed_event_id,
        Some(row.login_sealed.clone()),
        row.display_name_sealed.clone(),
        row.email_sealed.clone(),
    )
}

fn seals(
    event_id: Uuid,
    login: Option<String>,
    display_name: Option<String>,
    email: Option<String>,
) -> Result<[SealedText; 3], Failure> {
    Ok([
        SealedText::read(event_id, LOGIN_PATH, login)?,
        SealedText::read(event_id, DISPLAY_NAME_PATH, display_name)?,
        SealedText::read(event_id, EMAIL_PATH, email)?,
    ])
}

impl Names {
    fn of(shown: [Shown; 3]) -> Self {
        let erased = shown.iter().any(Shown::is_erased);
        let [login, display_name, email] = shown.map(Shown::text);
        Self { login, display_name, email, erased }
    }

    const fn unknown() -> Self {
        Self { login: None, display_name: None, email: None, erased: false }
    }
}

impl Row {
    fn named(self, names: Names) -> User {
        User {
            id: self.user_id,
            version: self.version,
            login: names.login,
            display_name: names.display_name,
            email: names.email,
            erased: names.erased,
            role: self.role,
            status: self.status,
            invited_at: self.invited_at,
            invited_by: self.invited_by,
            invitation_expires_at: self.invitation_expires_at,
            accepted_at: self.accepted_at,
            last_log_in_at: self.last_log_in_at,
            log_in_count: self.log_in_count,
            last_changed_at: self.last_changed_at,
        }
    }
}

//! The audit trail, latest entry first: the organization's part of the log itself.
//!
//! Within a partition time never runs backwards, so the order of `seq` is the order of time, and a limit in time is
//! looked up once as a limit of `seq`. Every filter then reads its own index in that one order.

use chrono::{DateTime, Utc};
use platform::keyring::Keyring;
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::{FromRow, Postgres, QueryBuilder};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    bounded_count, bounded_total, exact_total,
    finding_filter::parse_id,
    person::{SealedText, Shown, open_rows},
    push_any_of, raw_json,
};
use crate::{
    error::Failure,
    page::{Ask, Page, Pager, Total},
    parameters::{Fault, Parameters},
    tenant_tx::TenantTx,
    versions::Moment,
    vocabulary::ObjectKind,
};

/// Places in the event that the seals are bound to.
const IP_PATH: &str = "/meta/ip";
const USER_AGENT_PATH: &str = "/meta/user_agent";
/// The longest actor or action that is looked for.
const WORD_MAX_BYTES: usize = 64;

/// Which entries are listed. Filters may be repeated or list their values separated by commas; any of them matches.
#[derive(Debug, Clone, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditFilter {
    /// Who did it: `user:<id>`, `key:<id>`, `operator`, `anonymous` or a part of the system such as `system:timer`.
    #[param(required = false, max_items = 50)]
    pub actor: Vec<String>,
    /// What was done, such as `finding.confirmed`.
    #[param(required = false, max_items = 50)]
    pub action: Vec<String>,
    /// What it was done to: an id, or a kind (`organization`, `user`, `session`, `api-key`, `access`, `device`,
    /// `finding`, `scan`).
    #[param(required = false, max_items = 50, value_type = Vec<String>)]
    pub object: Vec<Object>,
    /// Not before this time (RFC 3339).
    #[param(required = false)]
    pub from: Option<DateTime<Utc>>,
    /// Before this time (RFC 3339).
    #[param(required = false)]
    pub to: Option<DateTime<Utc>>,
}

/// An object, or all of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    Id(Uuid),
    Kind(ObjectKind),
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    /// The event's id.
    pub id: Uuid,
    pub recorded_at: DateTime<Utc>,
    /// Who did it: `user:<id>`, `key:<id>`, `operator`, `anonymous` or a part of the system such as `system:timer`.
    pub actor: String,
    /// What was done, such as `finding.confirmed`.
    pub action: String,
    pub object: AuditObject,
    /// Ties together everything one request caused.
    pub correlation: Uuid,
    /// The event that led to this one.
    #[schema(required = true)]
    pub causation: Option<Uuid>,
    #[schema(required = true)]
    pub ip: Option<String>,
    #[schema(required = true)]
    pub user_agent: Option<String>,
    /// True once the person's data was erased: address and user agent are null for ever.
    pub erased: bool,
    /// The particulars that may be shown, which depend on the action.
    #[schema(value_type = Object)]
    pub detail: Box<RawValue>,
}

/// What something was done to.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditObject {
    pub kind: String,
    pub id: Uuid,
    /// The object's version after it.
    pub version: i64,
}

#[derive(Debug, FromRow)]
struct Row {
    seq: i64,
    recorded_at: DateTime<Utc>,
    actor: String,
    action: String,
    object_kind: String,
    object_id: Uuid,
    object_version: i64,
    correlation: Uuid,
    causation: Option<Uuid>,
    event_id: Uuid,
    ip_sealed: Option<String>,
    user_agent_sealed: Option<String>,
    detail_json: String,
}

/// The place in the log of the last entry on the page.
pub type Key = i64;

pub async fn page(
    mut tx: TenantTx,
    keyring: &Keyring,
    filter: &AuditFilter,
    moment: &Moment<'_>,
    pager: &Pager<'_>,
    ask: &Ask<Key>,
) -> Result<Page<AuditEntry>, Failure> {
    let tenant = tx.tenant();
    let mut query = QueryBuilder::new(
        "SELECT a.seq, a.recorded_at, a.actor, a.action, a.object_kind, a.object_id, a.object_version, a.correlation,
                a.causation, a.event_id, a.ip_sealed, a.user_agent_sealed, a.detail_json
         FROM read.audit_trail AS a WHERE a.tenant_id = ",
    );
    query.push_bind(tenant);
    filter.push(&mut query, tenant);
    if let Some(after) = &ask.after {
        query.push(" AND a.seq < ").push_bind(after.key);
    }
    query.push(" ORDER BY a.seq DESC LIMIT ").push(ask.rows_to_fetch());
    let rows: Vec<Row> = query.build_query_as().fetch_all(tx.connection()).await?;
    let total = match moment.known_total(pager, ask).await {
        Some(total) => total,
        None => moment.keep_total(pager, count(&mut tx, filter).await?).await,
    };
    drop(tx);
    let page = pager.page(ask, rows, total, moment.is_degraded(), |row| row.seq);
    let sealed = page.items.iter().map(Row::seals).collect::<Result<Vec<_>, Failure>>()?;
    let mut origins = open_rows(keyring, tenant, sealed).await?.into_iter();
    page.try_map(|row| row.show(origins.next().unwrap_or([Shown::Absent, Shown::Absent])))
}

async fn count(tx: &mut TenantTx, filter: &AuditFilter) -> Result<Total, Failure> {
    let tenant = tx.tenant();
    if filter.is_everything() {
        let kept = sqlx::query_scalar!(
            r#"SELECT total AS "total!" FROM read.audit_trail_totals WHERE tenant_id = $1"#,
            tenant
        )
        .fetch_optional(tx.connection())
        .await?;
        return Ok(exact_total(kept));
    }
    let mut rows = bounded_count("read.audit_trail AS a WHERE a.tenant_id = ");
    rows.push_bind(tenant);
    filter.push(&mut rows, tenant);
    bounded_total(tx, rows).await
}

impl AuditFilter {
    pub fn take(parameters: &mut Parameters) -> Self {
        Self {
            actor: parameters.many("actor", parse_word),
            action: parameters.many("action", parse_word),
            object: parameters.many("object", Object::parse),
            from: parameters.one("from", parse_time),
            to: parameters.one("to", parse_time),
        }
    }

    fn is_everything(&self) -> bool {
        let Self { actor, action, object, from, to } = self;
        actor.is_empty() && action.is_empty() && object.is_empty() && from.is_none() && to.is_none()
    }

    /// Appends the filters to `… FROM read.audit_trail AS a WHERE a.tenant_id = …`.
    fn push(&self, query: &mut QueryBuilder<Postgres>, tenant: Uuid) {
        push_any_of(query, "a.actor", &self.actor);
        push_any_of(query, "a.action", &self.action);
        self.push_objects(query);
        // Nothing at or after `from` gives no bound, and a comparison with none is true of no row: rightly so.
        if let Some(from) = self.from {
            query.push(" AND a.seq >= (SELECT t.seq FROM read.audit_trail AS t WHERE t.tenant_id = ").push_bind(tenant);
            query.push(" AND t.recorded_at >= ").push_bind(from).push(" ORDER BY t.recorded_at, t.seq LIMIT 1)");
        }
        if let Some(to) = self.to {
            query.push(" AND a.seq <= (SELECT t.seq FROM read.audit_trail AS t WHERE t.tenant_id = ").push_bind(tenant);
            query.push(" AND t.recorded_at < ").push_bind(to);
            query.push(" ORDER BY t.recorded_at DESC, t.seq DESC LIMIT 1)");
        }
    }

    /// Ids and kinds have an index each; only a filter that mixes them needs an OR.
    fn push_objects(&self, query: &mut QueryBuilder<Postgres>) {
        let mut ids = Vec::new();
        let mut kinds = Vec::new();
        for object in &self.object {
            match object {
                Object::Id(id) => ids.push(*id),
                Object::Kind(kind) => kinds.push(kind.as_str()),
            }
        }
        if ids.is_empty() || kinds.is_empty() {
            push_any_of(query, "a.object_id", &ids);
            push_any_of(query, "a.object_kind", &kinds);
        } else {
            query.push(" AND (a.object_id = ANY(").push_bind(ids);
            query.push(") OR a.object_kind = ANY(").push_bind(kinds).push("))");
        }
    }
}

impl Object {
    fn parse(text: &str) -> Result<Self, Fault> {
        let fault = || Fault::new("invalid-object", "must be an id or a kind of object");
        parse_id(text).map(Self::Id).or_else(|_| ObjectKind::parse(text).map(Self::Kind)).map_err(|_| fault())
    }
}

fn parse_word(text: &str) -> Result<String, Fault> {
    let well_formed = (1..=WORD_MAX_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b":.-".contains(&byte));
    if well_formed {
        Ok(text.to_owned())
    } else {
        Err(Fault::new("invalid-word", "must be lower-case letters, digits and : . -"))
    }
}

/// RFC 3339 has four digits for the year, which is well within what Postgres holds.
fn parse_time(text: &str) -> Result<DateTime<Utc>, Fault> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|_| Fault::new("invalid-time", "must be a time such as 2026-11-25T17:00:00Z"))
}

impl Row {
    fn seals(&self) -> Result<[SealedText; 2], Failure> {
        Ok([
            SealedText::read(self.event_id, IP_PATH, self.ip_sealed.clone())?,
            SealedText::read(self.event_id, USER_AGENT_PATH, self.user_agent_sealed.clone())?,
        ])
    }

    fn show(self, origin: [Shown; 2]) -> Result<AuditEntry, Failure> {
        let erased = origin.iter().any(Shown::is_erased);
        let [ip, user_agent] = origin.map(Shown::text);
        Ok(AuditEntry {
            id: self.event_id,
            recorded_at: self.recorded_at,
            actor: self.actor,
            action: self.action,
            object: AuditObject { kind: self.object_kind, id: self.object_id, version: self.object_version },
            correlation: self.correlation,
            causation: self.causation,
            ip,
            user_agent,
            erased,
            detail: raw_json(self.detail_json)?,
        })
    }
}

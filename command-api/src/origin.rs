//! Who causes events and from where: for their header in pseudonymous ids, for their meta sealed. It never decides
//! whether somebody may.

use std::net::IpAddr;

use domain::vocabulary::{ApiKeyId, TenantId, Timestamp, UserId};
use event_schemas::Actor;
use event_schemas::envelope::{IP_PATH, Meta, USER_AGENT_PATH};
use platform::auth::Principal;
use platform::keyring::{Field, Keyring, NamedKey, Place, seal};
use platform::request_id::RequestContext;
use uuid::Uuid;

use crate::error::Error;
use crate::keys;

/// The cause of one command.
#[derive(Debug, Clone)]
pub struct Origin {
    pub actor: Actor,
    /// Whose key address and user agent are sealed under; unknown, it is the tenant's of the month.
    pub person: Option<UserId>,
    pub correlation: Uuid,
    pub causation: Option<Uuid>,
    traceparent: Option<String>,
    ip: Option<IpAddr>,
    user_agent: Option<String>,
}

impl Origin {
    pub fn of_request(actor: Actor, person: Option<UserId>, context: &RequestContext) -> Self {
        Self {
            actor,
            person,
            correlation: context.correlation(),
            causation: None,
            traceparent: Some(context.traceparent.to_string()),
            ip: context.ip,
            user_agent: context.user_agent.clone(),
        }
    }

    /// A recognized caller.
    pub fn of_principal(principal: &Principal, context: &RequestContext) -> Self {
        let (actor, person) = match principal {
            Principal::User { user, .. } => (Actor::User(UserId::new(*user)), Some(UserId::new(*user))),
            Principal::Scanner { key, .. } => (Actor::ApiKey(ApiKeyId::new(*key)), None),
            Principal::Operator => (Actor::Operator, None),
        };
        Self::of_request(actor, person, context)
    }

    /// What the process does by itself.
    pub fn of_process(actor: Actor) -> Self {
        let correlation = Uuid::now_v7();
        Self { actor, person: None, correlation, causation: None, traceparent: None, ip: None, user_agent: None }
    }

    /// The same cause, once it is known who is behind it.
    #[must_use]
    pub fn of_person(&self, person: UserId) -> Self {
        Self { actor: Actor::User(person), person: Some(person), ..self.clone() }
    }

    /// The same cause, about somebody who did not prove to be who they say.
    #[must_use]
    pub fn about(self, person: UserId) -> Self {
        Self { person: Some(person), ..self }
    }

    pub fn ip(&self) -> Option<IpAddr> {
        self.ip
    }

    /// What the meta records of one command's events are made with: the key is asked for once.
    pub async fn seal(&self, ring: &Keyring, tenant: TenantId, now: Timestamp) -> Result<MetaSeal<'_>, Error> {
        let key = match (self.ip.is_some() || self.user_agent.is_some(), self.person) {
            (false, _) => None,
            (true, Some(person)) => Some(ring.subject_key(tenant.uuid(), person.uuid()).await?),
            (true, None) => Some(keys::of_month(ring, tenant, now).await?),
        };
        Ok(MetaSeal { origin: self, tenant, key })
    }

    fn trace(&self) -> Meta {
        Meta { traceparent: self.traceparent.clone(), ..Meta::default() }
    }
}

/// Makes meta records; see [`Origin::seal`].
pub struct MetaSeal<'o> {
    origin: &'o Origin,
    tenant: TenantId,
    key: Option<NamedKey>,
}

impl MetaSeal<'_> {
    /// The meta record of this event: what is sealed in it opens nowhere else.
    pub fn of(&self, event: Uuid) -> Result<Vec<u8>, Error> {
        let mut meta = self.origin.trace();
        if let Some(key) = &self.key {
            let seal = |path, clear: Option<&str>| -> Result<Option<Field>, Error> {
                let place = Place { tenant: self.tenant.uuid(), event_id: event, path };
                let sealed = clear.map(|clear| seal(&key.key, key.id, place, clear));
                sealed.transpose().map_err(|error| Error::Keys(Box::new(error)))
            };
            meta.ip = seal(IP_PATH, self.origin.ip.map(|ip| ip.to_string()).as_deref())?;
            meta.user_agent = seal(USER_AGENT_PATH, self.origin.user_agent.as_deref())?;
        }
        Ok(meta.bytes().unwrap_or_default())
    }
}

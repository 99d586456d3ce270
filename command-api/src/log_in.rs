//! Log in: from organization, user and password to a session and its access token. It reads the write side alone, so
//! that what was changed a moment ago counts, and takes the same time and gives the same answer whatever was wrong.

use domain::access::{AccountHash, LogInFailure};
use domain::decider::Decider;
use domain::organization::Organization;
use domain::session::{self, Session};
use domain::user::User;
use domain::vocabulary::{CredentialId, LoginName, SessionId, Sha256, Slug, StreamId, TenantId, UserId};
use event_schemas::Actor;
use platform::auth::token::{Holder, TOKEN_MAX_SECONDS};
use platform::position::Position;
use platform::request_id::RequestContext;
use uuid::Uuid;

use crate::appender::{AppendError, Appended, Condition};
use crate::error::Error;
use crate::event_store::Loaded;
use crate::handle::{AppendFault, Draft, TRIES_MAX};
use crate::keys;
use crate::membership::login_key;
use crate::origin::Origin;
use crate::passwords::Password;
use crate::server::Services;

/// What somebody typed.
pub struct Attempt {
    pub organization: Option<String>,
    pub user: String,
    pub password: Password,
}

/// What they get when it was right.
pub struct Entry {
    pub access_token: String,
    pub expires_in_seconds: u64,
    pub position: Position,
}

/// An account as far as the attempt led to one.
struct Account {
    tenant: TenantId,
    hash: AccountHash,
    found: Option<Found>,
}

struct Found {
    user: UserId,
    known: Loaded<User>,
    organization: Loaded<Organization>,
}

pub async fn log_in(services: &Services, attempt: Attempt, context: &RequestContext) -> Result<Entry, Error> {
    let Attempt { organization, user, password } = attempt;
    let tenant = tenant_of(services, organization.as_deref()).await?;
    let account = account_of(services, tenant, &user).await?;
    let credential = account.found.as_ref().and_then(|found| credential_of(&found.known.state));
    let phc = services.accounts.password_hash(credential.unwrap_or(CredentialId::new(Uuid::nil()))).await?;
    let proven = services.passwords.verify(password, phc).await?;
    let origin = Origin::of_request(Actor::Anonymous, None, context);
    match verdict(account.found.as_ref(), proven) {
        Ok(user) => start_session(services, account.tenant, user, &origin.of_person(user)).await,
        Err(reason) => {
            let origin = match &account.found {
                Some(found) => origin.about(found.user),
                None => origin,
            };
            services.denials.note_failed_log_in(account.tenant, account.hash, reason, origin);
            Err(Error::LogInFailed)
        }
    }
}

/// The organization meant. One that does not exist costs as much as one that does, so it is no error here.
async fn tenant_of(services: &Services, slug: Option<&str>) -> Result<Option<TenantId>, Error> {
    let store = &services.handler.store;
    let Some(slug) = slug else {
        let only = store.only_organization().await?;
        return only.map(Some).ok_or_else(|| {
            Error::field("/organization", "required", "must be given: this deployment has not exactly one organization")
        });
    };
    let Ok(slug) = Slug::parse(slug) else { return Ok(None) };
    let key = format!("slug:{slug}");
    let owners = store.owners(TenantId::DEPLOYMENT, std::slice::from_ref(&key)).await?;
    Ok(owners.get(&key).map(|owner| TenantId::new(owner.uuid())))
}

/// The account meant. Without an organization the deployment keeps the record, under its own key. Everything is looked
/// up for nobody, too: whoever is unknown costs the same round trips.
async fn account_of(services: &Services, tenant: Option<TenantId>, user: &str) -> Result<Account, Error> {
    let handler = &services.handler;
    let owner = tenant.unwrap_or(TenantId::DEPLOYMENT);
    let typed = LoginName::parse(user);
    let name = typed.as_ref().map_or(user, LoginName::as_str);
    let index = keys::blind_index(&handler.keys, owner, name).await?;
    let key = login_key(&index).key;
    let stream = handler.store.owners(owner, std::slice::from_ref(&key)).await?.get(&key).copied();
    let known = handler.load::<User>(owner, stream.unwrap_or(StreamId::new(Uuid::nil()))).await?;
    let organization = handler.load::<Organization>(owner, owner.into()).await?;
    let found = stream.map(|stream| Found { user: UserId::new(stream.uuid()), known, organization });
    Ok(Account { tenant: owner, hash: account_hash(&index), found })
}

/// A password proven is proven whatever else is wrong; the audit trail tells the cases apart, the answer does not.
fn verdict(found: Option<&Found>, proven: bool) -> Result<UserId, LogInFailure> {
    let found = found.ok_or(LogInFailure::UnknownAccount)?;
    match (&found.known.state, proven) {
        (User::Active { .. }, false) => Err(LogInFailure::WrongPassword),
        (User::Uninvited | User::Invited { .. } | User::Disabled { .. }, _) => Err(LogInFailure::NotActive),
        (User::Active { .. }, true) if !found.organization.state.index().open => {
            Err(LogInFailure::OrganizationSuspended)
        }
        (User::Active { .. }, true) => Ok(found.user),
    }
}

/// Appends the session on the condition that user and organization are still as they were judged.
async fn start_session(services: &Services, tenant: TenantId, user: UserId, origin: &Origin) -> Result<Entry, Error> {
    let handler = &services.handler;
    let id = SessionId::new(Uuid::now_v7());
    for _ in 0..TRIES_MAX {
        let known: Loaded<User> = handler.load(tenant, user.into()).await?;
        let organization: Loaded<Organization> = handler.load(tenant, tenant.into()).await?;
        if !known.state.index().open || !organization.state.index().open {
            return Err(Error::LogInFailed);
        }
        let now = handler.now();
        let command = session::Command::Start { user, expires_at: now.plus(services.session_life) };
        let before = Loaded { version: 0, state: Session::initial() };
        let events = before.state.decide(command, now).map_err(|refusal| Error::refused(&refusal))?;
        let mut draft = Draft::new(tenant);
        draft.add(StreamId::from(id), &before, &events, &keys::none())?;
        let conditions = vec![
            Condition { stream: user.into(), version: known.version },
            Condition { stream: tenant.into(), version: organization.version },
        ];
        match handler.append(tenant, draft, origin, conditions, None).await {
            Ok(Some(Appended::New { position, .. } | Appended::Known { position, .. })) => {
                return entry(
                    services,
                    Holder { tenant: tenant.uuid(), user: user.uuid(), session: id.uuid() },
                    position,
                );
            }
            Ok(None) | Err(AppendFault::Store(AppendError::Conflict { .. })) => {}
            Err(fault) => return Err(fault.into()),
        }
    }
    Err(Error::Contended(TRIES_MAX))
}

fn entry(services: &Services, holder: Holder, position: Position) -> Result<Entry, Error> {
    let expires_in_seconds = TOKEN_MAX_SECONDS.min(services.session_life.as_secs());
    let now = u64::try_from(chrono::Utc::now().timestamp()).unwrap_or_default();
    let access_token = services
        .signer
        .sign(holder, Uuid::now_v7(), now, expires_in_seconds)
        .map_err(|error| Error::Keys(Box::new(error)))?;
    Ok(Entry { access_token, expires_in_seconds, position })
}

fn credential_of(user: &User) -> Option<CredentialId> {
    match user {
        User::Active { credential, .. } => Some(*credential),
        User::Uninvited | User::Invited { .. } | User::Disabled { .. } => None,
    }
}

fn account_hash(hex: &str) -> AccountHash {
    AccountHash::parse(hex).unwrap_or_else(|_| AccountHash::new(*Sha256::of(hex.as_bytes()).bytes()))
}

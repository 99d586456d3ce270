//! How people come in: an organization is founded with its first administrator invited, others are invited, and the
//! invited accept. Tokens and passwords pass through to the side tables and into no event; no mail is sent yet.
//!
//! A link is shown once and kept as a hash, so one that is lost is replaced: whoever has not accepted yet may be invited
//! again, the first administrator of an organization by founding it again.

pub mod standing;

use std::time::Duration;

use domain::decider::{Decider, Reservation};
use domain::organization::{self, Organization};
use domain::user::{self, Entry, User};
use domain::vocabulary::{
    CredentialId, EmailAddress, InvitationId, LoginName, Name, Personal, Role, Slug, StreamId, TenantId, Timestamp,
    UserId, partition_of,
};
use uuid::Uuid;

use crate::accounts::{Accounts, Invitation};
use crate::appender::{AppendError, Appended, Condition};
use crate::error::Error;
use crate::event_store::Loaded;
use crate::handle::{AppendFault, Done, Draft, Handler, Outcome, TRIES_MAX, replayed};
use crate::idempotency::{Idempotency, Kept, read};
use crate::keys;
use crate::origin::Origin;
use crate::passwords::{Password, Passwords};
use crate::token::LinkToken;

pub const INVITATION_DAYS: u64 = 7;

/// Who shall come in.
pub struct Guest {
    pub login: LoginName,
    pub display_name: Option<Name>,
    pub email: Option<EmailAddress>,
    pub role: Role,
}

/// What the inviter passes on. It exists once: whoever asks again under the same key does not get it.
pub struct Link {
    pub user: UserId,
    pub token: LinkToken,
    pub expires_at: Timestamp,
}

/// An organization and its first administrator, or neither. Founded already, with that administrator still to come, it
/// stays as it is and their invitation is replaced.
pub async fn found(
    handler: &Handler,
    accounts: &Accounts,
    command: organization::Command,
    slug: &Slug,
    administrator: Guest,
    key: Option<&Idempotency>,
    origin: &Origin,
) -> Result<(Done, Option<Link>), Error> {
    once(handler, key, async {
        let nobody = || (UserId::new(Uuid::now_v7()), uninvited());
        let (tenant, whom) = match founded(handler, slug).await? {
            None => (TenantId::new(Uuid::now_v7()), nobody()),
            Some(tenant) => (tenant, first_to_come(handler, tenant, slug, &administrator.login).await?),
        };
        let organization = handler.load::<Organization>(tenant, tenant.into()).await?;
        let mut draft = Draft::new(tenant);
        let events = organization.state.decide(command, handler.now()).map_err(|refusal| Error::refused(&refusal))?;
        let version = draft.add(StreamId::from(tenant), &organization, &events, &keys::none())?;
        let (link, _) = invite_into(&mut draft, handler, accounts, tenant, administrator, whom).await?;
        let kept =
            Kept { id: tenant.uuid(), version, created: organization.version == 0, unchanged: false, extra: None };
        finish(handler, tenant, draft, kept, link, key, origin).await
    })
    .await
}

/// One more user of the organization, or one who has not accepted yet once more.
pub async fn invite(
    handler: &Handler,
    accounts: &Accounts,
    tenant: TenantId,
    guest: Guest,
    key: Option<&Idempotency>,
    origin: &Origin,
) -> Result<(Done, Option<Link>), Error> {
    once(handler, key, async {
        let whom = whom(handler, tenant, &guest.login).await?;
        let (user, created) = (whom.0, whom.1.version == 0);
        let mut draft = Draft::new(tenant);
        let (link, version) = invite_into(&mut draft, handler, accounts, tenant, guest, whom).await?;
        let kept = Kept { id: user.uuid(), version, created, unchanged: false, extra: None };
        finish(handler, tenant, draft, kept, link, key, origin).await
    })
    .await
}

/// Sets the password of the invited and lets them in. Of two that race for one link, one wins.
pub async fn accept(
    handler: &Handler,
    accounts: &Accounts,
    passwords: &Passwords,
    token: &str,
    password: Password,
    origin: &Origin,
) -> Result<Done, Error> {
    let invitation = accounts.find_invitation(token).await?.ok_or(Error::NotFound)?;
    let stream = StreamId::from(invitation.user);
    // Asked before the hash: a used link must not cost thirty milliseconds each time somebody tries it.
    let credential = CredentialId::new(Uuid::now_v7());
    decide_accept(&handler.load::<User>(invitation.tenant, stream).await?, &invitation, credential, handler.now())?;
    let phc = passwords.hash(password).await?;
    accounts.keep_credential(invitation.tenant, invitation.user, credential, &phc).await?;
    let origin = origin.of_person(invitation.user);
    for _ in 0..TRIES_MAX {
        let before = handler.load::<User>(invitation.tenant, stream).await?;
        let organization = handler.load::<Organization>(invitation.tenant, invitation.tenant.into()).await?;
        if !organization.state.index().open {
            return Err(Error::LinkGone);
        }
        let events = decide_accept(&before, &invitation, credential, handler.now())?;
        let mut draft = Draft::new(invitation.tenant);
        let version = draft.add(stream, &before, &events, &keys::none())?;
        let still = vec![Condition { stream: invitation.tenant.into(), version: organization.version }];
        match handler.append(invitation.tenant, draft, &origin, still, None).await {
            Err(AppendFault::Store(AppendError::Conflict { .. })) => {}
            Err(fault) => return Err(fault.into()),
            Ok(Some(Appended::New { position, .. } | Appended::Known { position, .. })) => {
                let (id, outcome) = (stream.uuid(), Outcome::Changed);
                return Ok(Done { id, version, position, outcome, extra: None });
            }
            Ok(None) => return Err(Error::LinkGone),
        }
    }
    Err(Error::Contended(TRIES_MAX))
}

/// The key under which a login name is unique: its keyed hash, because the name is personal.
pub fn login_key(blind_index: &str) -> Reservation {
    Reservation::tenant(format!("login:{blind_index}"))
}

fn decide_accept(
    before: &Loaded<User>,
    invitation: &Invitation,
    credential: CredentialId,
    now: Timestamp,
) -> Result<Vec<user::Event>, Error> {
    let command = user::Command::Accept { invitation: invitation.id, credential };
    let events = before.state.decide(command, now).map_err(|_| Error::LinkGone)?;
    if events.is_empty() { Err(Error::LinkGone) } else { Ok(events) }
}

/// The organization of this slug.
async fn founded(handler: &Handler, slug: &Slug) -> Result<Option<TenantId>, Error> {
    let key = organization::slug_key(slug).key;
    let owners = handler.store.owners(TenantId::DEPLOYMENT, std::slice::from_ref(&key)).await?;
    Ok(owners.get(&key).map(|owner| TenantId::new(owner.uuid())))
}

/// The first administrator of an organization, if they have this login and have not come in. As long as they have not,
/// nobody has: only they can invite others.
async fn first_to_come(
    handler: &Handler,
    tenant: TenantId,
    slug: &Slug,
    login: &LoginName,
) -> Result<(UserId, Loaded<User>), Error> {
    let key = login_key(&keys::blind_index(&handler.keys, tenant, login.as_str()).await?).key;
    let owners = handler.store.owners(tenant, std::slice::from_ref(&key)).await?;
    let first = first_user(handler, tenant).await?;
    if let Some(owner) = owners.get(&key).copied().filter(|owner| Some(*owner) == first) {
        let known = handler.load::<User>(tenant, owner).await?;
        if matches!(known.state, User::Invited { .. }) {
            return Ok((UserId::new(owner.uuid()), known));
        }
    }
    Err(Error::Reserved { key: organization::slug_key(slug).key, owner: tenant.uuid() })
}

/// The user who was invited in the append that founded the organization: their event comes right after its own.
async fn first_user(handler: &Handler, tenant: TenantId) -> Result<Option<StreamId>, Error> {
    let first = sqlx::query_scalar!(
        "SELECT u.stream_id FROM store.events f
         JOIN store.events u ON u.partition = f.partition AND u.seq = f.seq + 1 AND u.tenant_id = f.tenant_id
         WHERE f.partition = $1 AND f.stream_id = $2 AND f.stream_version = 1 AND u.type = 'user.invited'",
        i16::from(partition_of(tenant)),
        tenant.uuid(),
    )
    .fetch_optional(handler.store.pool())
    .await?;
    Ok(first.map(StreamId::new))
}

/// The user to invite: a new one, unless the login name is that of somebody who has not accepted yet.
async fn whom(handler: &Handler, tenant: TenantId, login: &LoginName) -> Result<(UserId, Loaded<User>), Error> {
    let key = login_key(&keys::blind_index(&handler.keys, tenant, login.as_str()).await?).key;
    let owners = handler.store.owners(tenant, std::slice::from_ref(&key)).await?;
    let Some(owner) = owners.get(&key).copied() else { return Ok((UserId::new(Uuid::now_v7()), uninvited())) };
    let known = handler.load::<User>(tenant, owner).await?;
    match known.state {
        // Disabled before they came: the domain says that they have to be enabled first.
        User::Invited { .. } | User::Disabled { entry: Entry::Invited(_), .. } => {
            Ok((UserId::new(owner.uuid()), known))
        }
        User::Uninvited | User::Active { .. } | User::Disabled { entry: Entry::Accepted(_), .. } => {
            Err(Error::Reserved { key, owner: owner.uuid() })
        }
    }
}

/// Writes the invitation's row and drafts its event. The row comes first: an event must not name what is not there.
async fn invite_into(
    draft: &mut Draft,
    handler: &Handler,
    accounts: &Accounts,
    tenant: TenantId,
    guest: Guest,
    (user, before): (UserId, Loaded<User>),
) -> Result<(Link, i64), Error> {
    let id = InvitationId::new(Uuid::now_v7());
    let now = handler.now();
    let expires_at = now.plus(Duration::from_secs(INVITATION_DAYS * 24 * 60 * 60));
    let taken = login_key(&keys::blind_index(&handler.keys, tenant, guest.login.as_str()).await?);
    let Guest { login, display_name, email, role } = guest;
    let display_name = display_name.map(Personal::Clear);
    let command = user::Command::Invite(user::Invite { login, display_name, email, role, invitation: id, expires_at });
    let events = before.state.decide(command, now).map_err(|refusal| Error::refused(&refusal))?;
    let token = LinkToken::generate()?;
    let own_key = keys::of_person(&handler.keys, tenant, user).await?;
    accounts.keep_invitation(&Invitation { id, tenant, user, expires_at }, token.expose()).await?;
    let version = draft.add(user.into(), &before, &events, &own_key)?;
    draft.take(taken, user.into());
    Ok((Link { user, token, expires_at }, version))
}

fn uninvited() -> Loaded<User> {
    Loaded { version: 0, state: User::initial() }
}

/// Does keyed work unless it was done before; the link is told to whoever asked first.
async fn once(
    handler: &Handler,
    key: Option<&Idempotency>,
    work: impl Future<Output = Result<(Done, Option<Link>), Error>>,
) -> Result<(Done, Option<Link>), Error> {
    if let Some(done) = handler.replay(key).await? {
        return Ok((done, None));
    }
    match Box::pin(work).await {
        // Another request with this key may have been committed since.
        Err(error) if error.depends_on_state() => {
            handler.replay(key).await?.map_or(Err(error), |done| Ok((done, None)))
        }
        result => result,
    }
}

async fn finish(
    handler: &Handler,
    tenant: TenantId,
    draft: Draft,
    kept: Kept,
    link: Link,
    key: Option<&Idempotency>,
    origin: &Origin,
) -> Result<(Done, Option<Link>), Error> {
    match handler.append(tenant, draft, origin, Vec::new(), key.map(|key| (key, &kept))).await? {
        Some(Appended::New { position, .. }) => {
            let Kept { id, version, created, unchanged: _, extra } = kept;
            let outcome = if created { Outcome::Created } else { Outcome::Changed };
            Ok((Done { id, version, position, outcome, extra }, Some(link)))
        }
        Some(Appended::Known { position, answer }) => Ok((replayed(read(&answer)?, position), None)),
        None => unreachable!("an invitation of its own is always an event"),
    }
}

//! How people come in: an organization is founded with its first administrator invited, others are invited, and the
//! invited accept. Tokens and passwords pass through to the side tables and into no event; no mail is sent yet.

use std::time::Duration;

use domain::decider::{Decider, Reservation};
use domain::organization::{self, Organization};
use domain::user::{self, User};
use domain::vocabulary::{
    CredentialId, EmailAddress, InvitationId, LoginName, Name, Personal, Role, StreamId, TenantId, Timestamp, UserId,
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

/// An organization and its first administrator, or neither.
pub async fn found(
    handler: &Handler,
    accounts: &Accounts,
    command: organization::Command,
    administrator: Guest,
    key: Option<&Idempotency>,
    origin: &Origin,
) -> Result<(Done, Option<Link>), Error> {
    if let Some(done) = handler.replay(key).await? {
        return Ok((done, None));
    }
    let tenant = TenantId::new(Uuid::now_v7());
    let organization = Loaded { version: 0, state: Organization::initial() };
    let mut draft = Draft::new(tenant);
    let events = organization.state.decide(command, handler.now()).map_err(|refusal| Error::refused(&refusal))?;
    let version = draft.add(StreamId::from(tenant), &organization, &events, &keys::none())?;
    let nobody = (UserId::new(Uuid::now_v7()), uninvited());
    let (link, _) = invite_into(&mut draft, handler, accounts, tenant, administrator, nobody).await?;
    let kept = Kept { id: tenant.uuid(), version, created: true, extra: None };
    finish(handler, tenant, draft, kept, link, key, origin).await
}

/// One more user of the organization, or one whose invitation has run out once more.
pub async fn invite(
    handler: &Handler,
    accounts: &Accounts,
    tenant: TenantId,
    guest: Guest,
    key: Option<&Idempotency>,
    origin: &Origin,
) -> Result<(Done, Option<Link>), Error> {
    if let Some(done) = handler.replay(key).await? {
        return Ok((done, None));
    }
    let whom = whom(handler, tenant, &guest.login).await?;
    let (user, created) = (whom.0, whom.1.version == 0);
    let mut draft = Draft::new(tenant);
    let (link, version) = invite_into(&mut draft, handler, accounts, tenant, guest, whom).await?;
    let kept = Kept { id: user.uuid(), version, created, extra: None };
    finish(handler, tenant, draft, kept, link, key, origin).await
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

/// The user to invite: a new one, unless the login name is that of somebody whose invitation has run out.
async fn whom(handler: &Handler, tenant: TenantId, login: &LoginName) -> Result<(UserId, Loaded<User>), Error> {
    let key = login_key(&keys::blind_index(&handler.keys, tenant, login.as_str()).await?).key;
    let owners = handler.store.owners(tenant, std::slice::from_ref(&key)).await?;
    if let Some(owner) = owners.get(&key).copied() {
        let known = handler.load::<User>(tenant, owner).await?;
        if matches!(known.state, User::Invited { invitation, .. } if invitation.expires_at <= handler.now()) {
            return Ok((UserId::new(owner.uuid()), known));
        }
    }
    Ok((UserId::new(Uuid::now_v7()), uninvited()))
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
    let token = LinkToken::generate()?;
    let taken = login_key(&keys::blind_index(&handler.keys, tenant, guest.login.as_str()).await?);
    let own_key = keys::of_person(&handler.keys, tenant, user).await?;
    accounts.keep_invitation(&Invitation { id, tenant, user, expires_at }, token.expose()).await?;
    let Guest { login, display_name, email, role } = guest;
    let display_name = display_name.map(Personal::Clear);
    let command = user::Command::Invite(user::Invite { login, display_name, email, role, invitation: id, expires_at });
    let events = before.state.decide(command, now).map_err(|refusal| Error::refused(&refusal))?;
    let version = draft.add(user.into(), &before, &events, &own_key)?;
    draft.take(taken, user.into());
    Ok((Link { user, token, expires_at }, version))
}

fn uninvited() -> Loaded<User> {
    Loaded { version: 0, state: User::initial() }
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
    let appended = handler.append(tenant, draft, origin, Vec::new(), key.map(|key| (key, &kept))).await;
    match appended {
        Ok(Some(Appended::New { position, .. })) => {
            let Kept { id, version, created, extra } = kept;
            let outcome = if created { Outcome::Created } else { Outcome::Changed };
            Ok((Done { id, version, position, outcome, extra }, Some(link)))
        }
        Ok(Some(Appended::Known { position, answer })) => Ok((replayed(read(&answer)?, position), None)),
        Ok(None) => unreachable!("an invitation of a new user is always an event"),
        Err(fault) => {
            let error = Error::from(fault);
            match error.depends_on_state() {
                true => handler.replay(key).await?.map_or(Err(error), |done| Ok((done, None))),
                false => Err(error),
            }
        }
    }
}

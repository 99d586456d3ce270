//! The rules of a user, one function per wish. Whether the actor has the right at all is asked before.

use std::time::Duration;

use crate::decider::Reason;
use crate::user::{By, Command, Event, Invite, User};
use crate::vocabulary::{CredentialId, InvitationId, Personal, Role, Timestamp};

/// An invitation lies in somebody's mail: it must not open a door for ever.
pub const INVITATION_MAX_DAYS: u64 = 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("this user has not been invited")]
    NotInvited,
    #[error("this user has accepted an invitation before")]
    AlreadyAccepted,
    #[error("this user is disabled")]
    Disabled,
    #[error("an invitation must expire after it is made")]
    EndNotInFuture,
    #[error("an invitation is good for at most {INVITATION_MAX_DAYS} days")]
    TooLong,
    #[error("this invitation has expired; ask for another one")]
    InvitationExpired,
    #[error("this invitation has been replaced or is not this user's")]
    AnotherInvitation,
    #[error("nobody changes their own role; ask another administrator")]
    OwnRole,
    #[error("nobody disables themselves; ask another administrator")]
    OwnAccess,
}

impl Reason for Refusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotInvited => "user-not-invited",
            Self::AlreadyAccepted => "user-already-accepted",
            Self::Disabled => "user-disabled",
            Self::EndNotInFuture => "invitation-end-not-in-future",
            Self::TooLong => "invitation-too-long",
            Self::InvitationExpired => "invitation-expired",
            Self::AnotherInvitation => "another-invitation",
            Self::OwnRole => "own-role",
            Self::OwnAccess => "own-access",
        }
    }
}

pub(super) fn decide(user: &User, command: Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    match command {
        Command::Invite(invite) => decide_invite(user, invite, now),
        Command::Accept { invitation, credential } => decide_accept(user, invitation, credential, now),
        Command::SetRole { role, by } => decide_set_role(user, role, by),
        Command::Disable { by } => decide_disable(user, by),
        Command::Enable => decide_enable(user),
    }
}

/// Until it is accepted, an invitation may be replaced by another, even one that is still good: its link may be lost,
/// and only its hash was kept. The replaced link opens nothing any more.
fn decide_invite(user: &User, invite: Invite, now: Timestamp) -> Result<Vec<Event>, Refusal> {
    match user {
        User::Uninvited => {}
        User::Invited { invitation, .. } if invitation.id == invite.invitation => return Ok(vec![]),
        User::Invited { .. } => {}
        User::Active { .. } => return Err(Refusal::AlreadyAccepted),
        User::Disabled { .. } => return Err(Refusal::Disabled),
    }
    if invite.expires_at <= now {
        return Err(Refusal::EndNotInFuture);
    }
    if invite.expires_at > now.plus(Duration::from_secs(INVITATION_MAX_DAYS * 24 * 60 * 60)) {
        return Err(Refusal::TooLong);
    }
    Ok(vec![Event::Invited {
        login: Personal::Clear(invite.login),
        display_name: invite.display_name,
        email: invite.email.map(Personal::Clear),
        role: invite.role,
        invitation: invite.invitation,
        expires_at: invite.expires_at,
    }])
}

fn decide_accept(
    user: &User,
    id: InvitationId,
    credential: CredentialId,
    now: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    match user {
        User::Uninvited => Err(Refusal::NotInvited),
        User::Invited { invitation, .. } if invitation.id != id => Err(Refusal::AnotherInvitation),
        User::Invited { invitation, .. } if invitation.expires_at <= now => Err(Refusal::InvitationExpired),
        User::Invited { .. } => Ok(vec![Event::Accepted { credential }]),
        User::Active { credential: same, .. } if *same == credential => Ok(vec![]),
        User::Active { .. } => Err(Refusal::AlreadyAccepted),
        User::Disabled { .. } => Err(Refusal::Disabled),
    }
}

fn decide_set_role(user: &User, role: Role, by: By) -> Result<Vec<Event>, Refusal> {
    match (user.role(), by) {
        (None, _) => Err(Refusal::NotInvited),
        (Some(same), _) if same == role => Ok(vec![]),
        (Some(_), By::Themself) => Err(Refusal::OwnRole),
        (Some(_), By::Another) => Ok(vec![Event::RoleSet { role }]),
    }
}

fn decide_disable(user: &User, by: By) -> Result<Vec<Event>, Refusal> {
    match (user, by) {
        (User::Uninvited, _) => Err(Refusal::NotInvited),
        (User::Disabled { .. }, _) => Ok(vec![]),
        (User::Invited { .. } | User::Active { .. }, By::Themself) => Err(Refusal::OwnAccess),
        (User::Invited { .. } | User::Active { .. }, By::Another) => Ok(vec![Event::Disabled]),
    }
}

fn decide_enable(user: &User) -> Result<Vec<Event>, Refusal> {
    match user {
        User::Uninvited => Err(Refusal::NotInvited),
        User::Disabled { .. } => Ok(vec![Event::Enabled]),
        User::Invited { .. } | User::Active { .. } => Ok(vec![]),
    }
}

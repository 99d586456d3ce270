//! What is true of a user now.

use serde::{Deserialize, Serialize};

use crate::decider::ImpossibleHistory;
use crate::user::Event;
use crate::vocabulary::{CredentialId, InvitationId, Role, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum User {
    Uninvited,
    Invited {
        role: Role,
        invitation: Invitation,
    },
    Active {
        role: Role,
        credential: CredentialId,
    },
    /// Shut out. Where they stood before is where enabling takes them back to.
    Disabled {
        role: Role,
        entry: Entry,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    pub id: InvitationId,
    pub expires_at: Timestamp,
}

/// How far somebody had come in when they were disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    Invited(Invitation),
    Accepted(CredentialId),
}

impl User {
    pub const fn role(&self) -> Option<Role> {
        match self {
            Self::Uninvited => None,
            Self::Invited { role, .. } | Self::Active { role, .. } | Self::Disabled { role, .. } => Some(*role),
        }
    }
}

pub(super) fn evolve(user: User, event: &Event) -> Result<User, ImpossibleHistory> {
    use {Event as E, User as U};
    Ok(match (user, event) {
        (U::Uninvited | U::Invited { .. }, &E::Invited { role, invitation, expires_at, .. }) => {
            U::Invited { role, invitation: Invitation { id: invitation, expires_at } }
        }
        (U::Invited { role, .. }, &E::Accepted { credential }) => U::Active { role, credential },

        (U::Invited { invitation, .. }, &E::RoleSet { role }) => U::Invited { role, invitation },
        (U::Active { credential, .. }, &E::RoleSet { role }) => U::Active { role, credential },
        (U::Disabled { entry, .. }, &E::RoleSet { role }) => U::Disabled { role, entry },

        (U::Invited { role, invitation }, E::Disabled) => U::Disabled { role, entry: Entry::Invited(invitation) },
        (U::Active { role, credential }, E::Disabled) => U::Disabled { role, entry: Entry::Accepted(credential) },
        (U::Disabled { role, entry: Entry::Invited(invitation) }, E::Enabled) => U::Invited { role, invitation },
        (U::Disabled { role, entry: Entry::Accepted(credential) }, E::Enabled) => U::Active { role, credential },

        (state, event @ (E::Invited { .. } | E::Accepted { .. } | E::RoleSet { .. } | E::Disabled | E::Enabled)) => {
            return Err(ImpossibleHistory::of(&state, event));
        }
    })
}

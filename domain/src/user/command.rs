//! What may be wanted of a user.

use crate::vocabulary::{CredentialId, EmailAddress, InvitationId, LoginName, Name, Personal, Role, Timestamp, UserId};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Also invites somebody again who has not accepted yet; the new invitation replaces the one before.
    Invite(Invite),
    Accept {
        invitation: InvitationId,
        credential: CredentialId,
    },
    SetRole {
        role: Role,
        by: By,
    },
    Disable {
        by: By,
    },
    Enable,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    pub login: LoginName,
    pub display_name: Option<Personal<Name>>,
    pub email: Option<EmailAddress>,
    pub role: Role,
    pub invitation: InvitationId,
    pub expires_at: Timestamp,
}

/// Who wants it, seen from the user it concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Themself,
    Another,
}

impl By {
    /// An actor that is no user, such as an operator, is always another.
    pub fn of(actor: Option<UserId>, user: UserId) -> Self {
        if actor == Some(user) { Self::Themself } else { Self::Another }
    }
}

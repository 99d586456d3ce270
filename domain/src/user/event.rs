//! What happened to a user.

use crate::vocabulary::{CredentialId, EmailAddress, InvitationId, LoginName, Name, Personal, Role, Timestamp};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Invited {
        login: Personal<LoginName>,
        display_name: Option<Personal<Name>>,
        email: Option<Personal<EmailAddress>>,
        role: Role,
        invitation: InvitationId,
        expires_at: Timestamp,
    },
    Accepted {
        credential: CredentialId,
    },
    RoleSet {
        role: Role,
    },
    Disabled,
    Enabled,
}

//! The written events of a user: the one aggregate whose body holds personal data. It is sealed under the user's own
//! key on the way in and stays sealed on the way out, since no decision needs it.

pub mod v1;

use domain::user::Event;
use domain::vocabulary::{CredentialId, InvitationId, Personal, Role, Timestamp};
use sealed::Field;

use crate::codec::{EncodeError, Recorded, SealContext};
use crate::family::written_events;
use crate::parse::{Broken, text};

/// Where `v1::Invited::login` stands, as sealing binds it.
pub const LOGIN_PATH: &str = "/body/login";
/// Where `v1::Invited::display_name` stands, as sealing binds it.
pub const DISPLAY_NAME_PATH: &str = "/body/display_name";
/// Where `v1::Invited::email` stands, as sealing binds it.
pub const EMAIL_PATH: &str = "/body/email";

written_events! {
    User in crate::Written = crate::Written::User {
        "user.invited" => Invited(v1::Invited) 1;
        "user.accepted" => Accepted(v1::Accepted) 1;
        "user.role-set" => RoleSet(v1::RoleSet) 1;
        "user.disabled" => Disabled(v1::Disabled) 1;
        "user.enabled" => Enabled(v1::Enabled) 1;
    }
}

impl Recorded for Event {
    fn write(&self, sealing: &SealContext<'_>) -> Result<crate::Written, EncodeError> {
        Ok(crate::Written::User(match self {
            Self::Invited { login, display_name, email, role, invitation, expires_at } => {
                let name =
                    display_name.as_ref().map(|name| seal(sealing, DISPLAY_NAME_PATH, name, |name| name.as_str()));
                let email = email.as_ref().map(|email| seal(sealing, EMAIL_PATH, email, |email| email.as_str()));
                Written::Invited(v1::Invited {
                    login: seal(sealing, LOGIN_PATH, login, |login| login.as_str())?,
                    display_name: name.transpose()?,
                    email: email.transpose()?,
                    role: role.to_string(),
                    invitation: invitation.uuid(),
                    expires_at: expires_at.micros(),
                })
            }
            Self::Accepted { credential } => Written::Accepted(v1::Accepted { credential: credential.uuid() }),
            Self::RoleSet { role } => Written::RoleSet(v1::RoleSet { role: role.to_string() }),
            Self::Disabled => Written::Disabled(v1::Disabled {}),
            Self::Enabled => Written::Enabled(v1::Enabled {}),
        }))
    }

    fn read(written: crate::Written) -> Result<Self, Broken> {
        let crate::Written::User(written) = written else {
            return Err(Broken::of_another_kind("a user", written.type_name()));
        };
        Ok(match written {
            Written::Invited(event) => Self::Invited {
                login: Personal::Withheld,
                display_name: event.display_name.map(|_| Personal::Withheld),
                email: event.email.map(|_| Personal::Withheld),
                role: text("/role", &event.role, Role::parse)?,
                invitation: InvitationId::new(event.invitation),
                expires_at: Timestamp::from_micros(event.expires_at),
            },
            Written::Accepted(event) => Self::Accepted { credential: CredentialId::new(event.credential) },
            Written::RoleSet(event) => Self::RoleSet { role: text("/role", &event.role, Role::parse)? },
            Written::Disabled(v1::Disabled {}) => Self::Disabled,
            Written::Enabled(v1::Enabled {}) => Self::Enabled,
        })
    }
}

fn seal<T>(
    sealing: &SealContext<'_>,
    path: &'static str,
    personal: &Personal<T>,
    text: impl FnOnce(&T) -> &str,
) -> Result<Field, EncodeError> {
    match personal {
        Personal::Clear(value) => sealing.seal_own(path, text(value)),
        Personal::Withheld => Err(EncodeError::Withheld(path)),
    }
}

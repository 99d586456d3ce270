//! The file a person or a script signs in with: shell assignments, mode 600, values that need no quotes.

use platform::env::Secret;

use crate::dev_dir::{DevDir, DevDirError};

pub(crate) const FILE: &str = "credentials";
pub(crate) const ORGANIZATION: &str = "demo";
/// The people of the demo organization: log-in name and role.
pub(crate) const PEOPLE: [(&str, &str); 4] =
    [("admin", "administrator"), ("analyst", "analyst"), ("auditor", "auditor"), ("viewer", "viewer")];

pub(crate) struct Credentials {
    pub(crate) url: String,
    pub(crate) organization: &'static str,
    /// In the order of [`PEOPLE`].
    pub(crate) passwords: Vec<(&'static str, Secret)>,
    pub(crate) scanner_key: Secret,
    pub(crate) operator_token: Secret,
}

impl Credentials {
    /// Every secret of them is kept in the directory by now.
    pub(crate) fn collect(directory: &DevDir, url: String) -> Result<Self, DevDirError> {
        let passwords = PEOPLE.map(|(user, _)| Ok((user, password(directory, user)?)));
        Ok(Self {
            url,
            organization: ORGANIZATION,
            passwords: passwords.into_iter().collect::<Result<_, DevDirError>>()?,
            scanner_key: directory.kept("scanner-key")?.unwrap_or_default(),
            operator_token: operator_token(directory)?,
        })
    }

    pub(crate) fn write(&self, directory: &DevDir) -> Result<(), DevDirError> {
        directory.write(FILE, &self.text())
    }

    fn text(&self) -> String {
        let passwords = self
            .passwords
            .iter()
            .map(|(user, password)| format!("SECURENET_{}_PASSWORD={}\n", user.to_uppercase(), password.expose()));
        format!(
            "SECURENET_URL={}\nSECURENET_ORGANIZATION={}\n{}SECURENET_SCANNER_KEY={}\nSECURENET_OPERATOR_TOKEN={}\n",
            self.url,
            self.organization,
            passwords.collect::<String>(),
            self.scanner_key.expose(),
            self.operator_token.expose(),
        )
    }
}

pub(crate) fn password(directory: &DevDir, user: &str) -> Result<Secret, DevDirError> {
    directory.password(&format!("password-{user}"))
}

/// Longer than a password: nobody types it.
pub(crate) fn operator_token(directory: &DevDir) -> Result<Secret, DevDirError> {
    directory.key("operator-token")
}

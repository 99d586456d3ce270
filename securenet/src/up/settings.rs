//! What the services of a private deployment read from their environment, as one of separate processes would set it.

use platform::env::Secret;

use crate::Failure;
use crate::credentials;
use crate::database::{self, role_password};
use crate::dev_dir::DevDir;

/// Everything for everybody; which service gets which is [`super::full`]'s.
pub(super) fn all(directory: &DevDir, postgres_port: u16) -> Result<Vec<(String, String)>, Failure> {
    let url = |role| {
        let password = role_password(directory, role)?;
        let url = format!("postgres://{role}:{}@127.0.0.1:{postgres_port}/{}", password.expose(), database::NAME);
        Ok::<_, Failure>(Secret::new(url))
    };
    let ours = [
        ("SECURENET_ENVIRONMENT", Secret::new("dev".to_owned())),
        ("SECURENET_WRITER_URL", url("writer")?),
        ("SECURENET_RELAY_URL", url("relay")?),
        ("SECURENET_PROJECTOR_URL", url("projector")?),
        ("SECURENET_READER_URL", url("reader")?),
        ("SECURENET_ROOT_KEY", directory.key("root-key")?),
        ("SECURENET_TOKEN_KEY", directory.signing_key("token-key.pem")?),
        ("SECURENET_CURSOR_KEY", directory.key("cursor-key")?),
        ("SECURENET_OPERATOR_TOKEN", credentials::operator_token(directory)?),
        ("SECURENET_SERVICE_TOKEN", directory.key("service-token")?),
    ];
    // Limits and the log may be set from outside; what belongs to this deployment may not.
    let outside =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let outside = outside.filter(|(name, _)| {
        let owned = ours.iter().any(|(ours, _)| name.strip_suffix("_FILE").unwrap_or(name) == *ours);
        name.starts_with("SECURENET_") && !owned
    });
    let quiet = ("SECURENET_LOG".to_owned(), "warn".to_owned());
    let ours = ours.iter().map(|(name, value)| ((*name).to_owned(), value.expose().to_owned()));
    Ok([quiet].into_iter().chain(outside).chain(ours).collect())
}

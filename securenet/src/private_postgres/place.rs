//! Where the data goes: beside the deployment's other files, unless Postgres's user cannot get there.

use std::path::{Path, PathBuf};

use platform::private_postgres::{Account, PostgresError, make_place};

use super::hash;

/// Of the hash of the directory that the data belongs to.
const HASH_CHARS: usize = 12;

/// `home`/postgres, unless Postgres's user cannot get there.
pub(super) fn find(home: &Path, account: Option<&Account>, say: &impl Fn(&str)) -> Result<PathBuf, PostgresError> {
    let place = match account.filter(|account| !account.reaches(home)) {
        None => home.join("postgres"),
        Some(account) => elsewhere(home, account, say),
    };
    make_place(&place, account)?;
    Ok(place)
}

fn elsewhere(home: &Path, account: &Account, say: &impl Fn(&str)) -> PathBuf {
    let place = PathBuf::from(format!("/var/tmp/securenet-{}", &hash(&home.to_string_lossy())[..HASH_CHARS]));
    say(&format!(
        "Postgres runs as user {}, who may not enter {}; its data is in {}",
        account.name,
        home.display(),
        place.display()
    ));
    place
}

//! The directory that Postgres works in: its user's alone, and made by nobody else.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use super::account::{Account, give, is_root, owner};
use super::{PostgresError, io_error};

/// Where anybody may write, somebody may have made it before us; so one that is found must be the very directory of the
/// very user.
pub fn make_place(place: &Path, account: Option<&Account>) -> Result<(), PostgresError> {
    match DirBuilder::new().mode(0o700).create(place) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let found = fs::symlink_metadata(place).map_err(io_error(place, "cannot be looked at"))?;
            let interrupted = is_root() && found.uid() == 0; // made by us, and not given away yet
            if !found.is_dir() || !(interrupted || found.uid() == owner(account)) {
                return Err(PostgresError::NotOurs(place.to_owned()));
            }
        }
        Err(error) => return Err(io_error(place, "cannot be made")(error)),
    }
    give(place, account).map_err(io_error(place, "cannot be given to Postgres's user"))
}

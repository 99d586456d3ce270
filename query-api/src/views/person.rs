//! Personal data in answers: opened for those who may see it, and null once its person was erased.
//!
//! The read models keep the ciphertext; it is opened here, at the last moment, and never kept. Opening asks for keys
//! over a connection of its own, so a caller gives its transaction back first.

use platform::keyring::{Field, Keyring, KeyringError, Opened, Place};
use uuid::Uuid;

use crate::error::Failure;

/// A sealed text of a read model, and the place its seal is bound to.
#[derive(Debug)]
pub struct SealedText {
    event_id: Uuid,
    path: &'static str,
    field: Option<Field>,
}

/// A personal text as an answer shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    Absent,
    Clear(String),
    /// Its person was erased.
    Erased,
}

impl SealedText {
    /// `stored` is the sealed field as JSON, if there is one.
    pub fn read(event_id: Uuid, path: &'static str, stored: Option<String>) -> Result<Self, Failure> {
        let field = stored.map(|text| serde_json::from_str(&text)).transpose().map_err(Failure::Corrupt)?;
        Ok(Self { event_id, path, field })
    }
}

impl Shown {
    pub fn is_erased(&self) -> bool {
        *self == Self::Erased
    }

    /// The text, or nothing where there is none any more.
    pub fn text(self) -> Option<String> {
        match self {
            Self::Clear(text) => Some(text),
            Self::Absent | Self::Erased => None,
        }
    }
}

/// Opens the texts of one tenant's rows, `N` a row. All keys are asked for at once.
pub async fn open_rows<const N: usize>(
    keyring: &Keyring,
    tenant: Uuid,
    rows: Vec<[SealedText; N]>,
) -> Result<Vec<[Shown; N]>, Failure> {
    let texts = || rows.iter().flatten();
    let mut keys: Vec<_> = texts().filter_map(|text| text.field.as_ref()).map(Field::key_id).collect();
    keys.sort_unstable_by_key(|key| key.uuid());
    keys.dedup();
    keyring.load(tenant, &keys).await?;
    let mut shown = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut opened = [const { Shown::Absent }; N];
        for (place, text) in opened.iter_mut().zip(row) {
            *place = open(keyring, tenant, text).await?;
        }
        shown.push(opened);
    }
    Ok(shown)
}

async fn open(keyring: &Keyring, tenant: Uuid, text: &SealedText) -> Result<Shown, KeyringError> {
    let Some(field) = &text.field else { return Ok(Shown::Absent) };
    let place = Place { tenant, event_id: text.event_id, path: text.path };
    match keyring.open(field, place).await? {
        Opened::Clear(text) => Ok(Shown::Clear(text)),
        Opened::Erased => Ok(Shown::Erased),
    }
}

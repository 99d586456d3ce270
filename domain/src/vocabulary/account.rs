//! What a person is known by. Both are personal: they go into events only as [`Personal`](super::Personal).
//!
//! Their debug output is redacted, because it ends in logs.

use std::{fmt, str::FromStr};

use unicode_normalization::UnicodeNormalization;

use super::{Invalid, encoded_len};

pub const LOGIN_NAME_MAX_BYTES: usize = 128;
pub const EMAIL_MAX_BYTES: usize = 254;

const EMAIL_LOCAL_MAX_BYTES: usize = 64;

/// What somebody types to log in: lower case, NFC, letters and digits of any script and `. _ - + @`. Compatibility forms
/// (full-width letters, ligatures) and characters that nobody sees are refused: two names must not look like one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoginName(String);

impl LoginName {
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        // Lower-casing may decompose, so normalization comes last; one more round reaches the fixed point.
        let once: String = raw.trim().nfc().collect::<String>().to_lowercase().nfc().collect();
        let name: String = once.to_lowercase().nfc().collect();
        let well_formed = name.chars().any(char::is_alphanumeric)
            && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '@') || is_mark(c))
            && !name.chars().any(is_invisible)
            && name.nfkc().eq(name.chars())
            && encoded_len(&name) <= LOGIN_NAME_MAX_BYTES;
        if well_formed {
            Ok(Self(name))
        } else {
            let detail = format!(
                "must be plain letters, digits and '.', '_', '-', '+', '@', at most {LOGIN_NAME_MAX_BYTES} bytes"
            );
            Err(Invalid::new("malformed-login-name", detail))
        }
    }

    /// Already the normal form: what uniqueness is judged by.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An address that could be written to: the domain in lower case, the local part as given.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress(String);

impl EmailAddress {
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let malformed = || Invalid::new("malformed-email", "must be an e-mail address like ana@example.org");
        let normal: String = raw.trim().nfc().collect();
        let (local, domain) = normal.rsplit_once('@').ok_or_else(malformed)?;
        let local_fits = (1..=EMAIL_LOCAL_MAX_BYTES).contains(&local.len())
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c) || is_mark(c));
        let domain: String = domain.to_lowercase().nfc().collect();
        let domain_fits = domain.split('.').count() >= 2
            && domain.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.chars().all(|c| c.is_alphanumeric() || c == '-' || is_mark(c))
            });
        let address = format!("{local}@{domain}");
        if local_fits && domain_fits && address.len() <= EMAIL_MAX_BYTES { Ok(Self(address)) } else { Err(malformed()) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! redacted {
    ($($name:ident),+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(raw: &str) -> Result<Self, Invalid> {
                Self::parse(raw)
            }
        }
    )+};
}
redacted!(LoginName, EmailAddress);

/// Letters and marks that show nothing (Unicode's Default_Ignorable_Code_Point among letters and marks).
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}')
}

/// Scripts that write vowels as marks would otherwise be shut out.
fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

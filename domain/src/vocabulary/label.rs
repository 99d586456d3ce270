//! Short machine-friendly names: labels, slugs, networks.

use super::{Invalid, text::text};

pub const LABEL_MAX_BYTES: usize = 64;
pub const SLUG_MIN_BYTES: usize = 2;
pub const SLUG_MAX_BYTES: usize = 63;
pub const NETWORK_MAX_BYTES: usize = 64;

text! {
    /// A free type, tool family or lane: `[a-z0-9][a-z0-9_.-]{0,63}`.
    Label, |raw| label(raw, LABEL_MAX_BYTES)
}
text! {
    /// An organization's name in addresses: 2 to 63 of `[a-z0-9-]`, neither beginning nor ending in a hyphen.
    Slug, slug
}
text! {
    /// The network an address is unique in, because private ranges overlap between sites.
    Network, |raw| label(raw, NETWORK_MAX_BYTES)
}

impl Label {
    /// The tool family of what a person raises by hand.
    pub fn manual() -> Self {
        Self("manual".to_owned())
    }
}

impl Default for Network {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

fn label(raw: &str, max_bytes: usize) -> Result<String, Invalid> {
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let well_formed = raw.starts_with(lower)
        && raw.len() <= max_bytes
        && raw.chars().all(|c| lower(c) || matches!(c, '_' | '.' | '-'));
    if well_formed {
        Ok(raw.to_owned())
    } else {
        let detail =
            format!("must be 1 to {max_bytes} of a-z, 0-9, '_', '.' and '-', and begin with a letter or digit");
        Err(Invalid::new("malformed-label", detail))
    }
}

fn slug(raw: &str) -> Result<String, Invalid> {
    let well_formed = (SLUG_MIN_BYTES..=SLUG_MAX_BYTES).contains(&raw.len())
        && raw.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !raw.starts_with('-')
        && !raw.ends_with('-');
    if well_formed {
        Ok(raw.to_owned())
    } else {
        let detail =
            format!("must be {SLUG_MIN_BYTES} to {SLUG_MAX_BYTES} of a-z, 0-9 and '-', without a hyphen at either end");
        Err(Invalid::new("malformed-slug", detail))
    }
}

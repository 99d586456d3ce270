//! A text that is wiped when dropped and never shown.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Every sample secret holds this text, in the clear or inside its base64, so that production can refuse them all.
pub const SAMPLE_MARK: &str = "insecure-sample";

/// Without the line end that an editor or `echo` leaves behind.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: String) -> Self {
        let text = Zeroizing::new(text);
        Self(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    /// The text itself. Whoever calls this must not log it, and a reviewer can search for the calls.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it was published with the source.
    pub fn is_sample(&self) -> bool {
        holds_mark(self.0.as_bytes()) || decoded(&self.0).is_some_and(|bytes| holds_mark(&bytes))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

fn holds_mark(bytes: &[u8]) -> bool {
    bytes.windows(SAMPLE_MARK.len()).any(|window| window == SAMPLE_MARK.as_bytes())
}

/// The bytes inside a base64 text or a PEM block.
fn decoded(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let body: Zeroizing<String> = Zeroizing::new(
        text.lines()
            .filter(|line| !line.starts_with("-----"))
            .flat_map(str::chars)
            .filter(|c| !c.is_whitespace())
            .collect(),
    );
    STANDARD.decode(body.as_bytes()).ok().map(Zeroizing::new)
}

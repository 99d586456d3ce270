//! What weaknesses are known by: CVEs, CVSS, the component they sit in.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Invalid, text::line, text::text};

/// `CVE-YYYY-` and up to nineteen digits.
pub const CVE_MAX_BYTES: usize = 28;
pub const CVSS_VECTOR_MAX_BYTES: usize = 256;
pub const PURL_MAX_BYTES: usize = 1024;

const CVSS_SCORE_MAX_TENTHS: u8 = 100;

text! {
    /// `CVE-2021-44228`: in capitals, four digits or more at the end.
    Cve, cve
}
text! {
    /// A CVSS vector of version 2, 3.0, 3.1 or 4.0 in its canonical spelling. Nessus's `CVSS2#` is taken off.
    CvssVector, cvss_vector
}
text! {
    /// A package URL, `pkg:type/namespace/name@version`.
    Purl, purl
}

impl CvssVector {
    /// `2.0`, `3.0`, `3.1` or `4.0`: as texts they sort by age.
    pub fn version(&self) -> &str {
        let versioned = self.0.strip_prefix("CVSS:").and_then(|rest| rest.split_once('/'));
        versioned.map_or("2.0", |(version, _)| version)
    }

    /// The score the vector stands for.
    pub fn score(&self) -> Option<CvssScore> {
        let score = self.0.parse::<cvss::Cvss>().ok()?.score();
        CvssScore::from_tenths((score * 10.0).round() as u8).ok()
    }
}

/// A CVSS score in tenths, 0 to 100: integers sort and compare the same everywhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CvssScore(u8);

impl CvssScore {
    pub fn from_tenths(tenths: u8) -> Result<Self, Invalid> {
        if tenths <= CVSS_SCORE_MAX_TENTHS { Ok(Self(tenths)) } else { Err(malformed_score()) }
    }

    /// `9.8`, `10`, `10.0`: at most one digit after the point.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let (whole, tenth) = raw.trim().split_once('.').unwrap_or((raw.trim(), "0"));
        let digits =
            |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole, 2) || !digits(tenth, 1) {
            return Err(malformed_score());
        }
        let tenths = format!("{whole}{tenth}").parse::<u16>().map_err(|_| malformed_score())?;
        u8::try_from(tenths).map_err(|_| malformed_score()).and_then(Self::from_tenths)
    }

    pub const fn tenths(self) -> u8 {
        self.0
    }
}

impl fmt::Display for CvssScore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 10, self.0 % 10)
    }
}

fn malformed_score() -> Invalid {
    Invalid::new("malformed-cvss-score", "must be a score from 0.0 to 10.0 in steps of a tenth")
}

fn cve(raw: &str) -> Result<String, Invalid> {
    let name = raw.trim().to_ascii_uppercase();
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let well_formed = name.len() <= CVE_MAX_BYTES
        && name
            .strip_prefix("CVE-")
            .and_then(|rest| rest.split_once('-'))
            .is_some_and(|(year, number)| year.len() == 4 && digits(year) && number.len() >= 4 && digits(number));
    if well_formed { Ok(name) } else { Err(Invalid::new("malformed-cve", "must be a CVE name like CVE-2021-44228")) }
}

fn cvss_vector(raw: &str) -> Result<String, Invalid> {
    let malformed = || Invalid::new("malformed-cvss-vector", "must be a CVSS vector of version 2, 3.0, 3.1 or 4.0");
    let raw = raw.trim();
    let raw = raw.strip_prefix("CVSS2#").unwrap_or(raw);
    if raw.len() > CVSS_VECTOR_MAX_BYTES {
        return Err(malformed());
    }
    let canonical = raw.parse::<cvss::Cvss>().map_err(|_| malformed())?.to_string();
    if canonical.len() > CVSS_VECTOR_MAX_BYTES { Err(malformed()) } else { Ok(canonical) }
}

fn purl(raw: &str) -> Result<String, Invalid> {
    let malformed = || Invalid::new("malformed-purl", "must be a package URL like pkg:deb/debian/openssl@3.0.11");
    let text = line(raw, PURL_MAX_BYTES)?;
    let (scheme, rest) = text.split_once(':').ok_or_else(malformed)?;
    let (kind, name) = rest.trim_start_matches('/').split_once('/').ok_or_else(malformed)?;
    let kind_fits = kind.starts_with(|c: char| c.is_ascii_alphabetic())
        && kind.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-'));
    let name_fits = !name.trim_matches('/').is_empty() && !name.contains(char::is_whitespace);
    if scheme.eq_ignore_ascii_case("pkg") && kind_fits && name_fits {
        Ok(format!("pkg:{}/{name}", kind.to_ascii_lowercase()))
    } else {
        Err(malformed())
    }
}

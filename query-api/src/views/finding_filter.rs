//! Which findings a list shows, and in which order: the filters as parsed and the conditions they become.
//!
//! Every condition is one an index can serve under row-level security. The partial indexes leave out what nearly
//! every finding is, so a filter for something else repeats the index's own condition as a literal.

use sqlx::{Postgres, QueryBuilder};
use utoipa::IntoParams;
use uuid::Uuid;

use super::{push_any_of, search_text::SearchText};
use crate::{
    parameters::{Fault, Parameters},
    vocabulary::{Disposition, FindingOrder, Remediation, Severity},
};

/// The longest CVE name that is looked for; numbers have had seven digits at most so far.
const CVE_MAX_BYTES: usize = 28;
/// The longest type of a finding.
const TYPE_MAX_BYTES: usize = 64;

/// Filters may be repeated or list their values separated by commas; any of the values matches.
#[derive(Debug, Clone, PartialEq, Eq, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FindingFilter {
    /// What title, description, CVEs or component say: words (all of them), `"phrases"`, `beginnings*`, and `-words` that
    /// they do not say.
    #[param(rename = "q", required = false, value_type = Option<String>, max_length = 256, example = "openssl -debian")]
    pub search: Option<SearchText>,
    #[param(required = false, max_items = 50)]
    pub severity: Vec<Severity>,
    #[param(required = false, max_items = 50)]
    pub disposition: Vec<Disposition>,
    #[param(required = false, max_items = 50)]
    pub remediation: Vec<Remediation>,
    /// Whether the weakness is there as far as is known.
    #[param(required = false)]
    pub detected: Option<bool>,
    /// Ids of devices.
    #[param(required = false, max_items = 50)]
    pub device: Vec<Uuid>,
    /// CVE names such as `CVE-2024-6387`.
    #[param(required = false, max_items = 50)]
    pub cve: Vec<String>,
    #[param(required = false, max_items = 50)]
    #[param(rename = "type")]
    pub kind: Vec<String>,
    /// Ids of users.
    #[param(required = false, max_items = 50)]
    pub assignee: Vec<Uuid>,
    /// `severity` (the default): worst first. `last_change`: latest first.
    #[param(required = false, value_type = Option<FindingOrder>)]
    pub sort: FindingOrder,
}

impl FindingFilter {
    pub fn take(parameters: &mut Parameters) -> Self {
        Self {
            search: parameters.one("q", SearchText::parse),
            severity: parameters.many("severity", Severity::parse),
            disposition: parameters.many("disposition", Disposition::parse),
            remediation: parameters.many("remediation", Remediation::parse),
            detected: parameters.one("detected", parse_bool),
            device: parameters.many("device", parse_id),
            cve: parameters.many("cve", parse_cve),
            kind: parameters.many("type", parse_type),
            assignee: parameters.many("assignee", parse_id),
            sort: parameters.one("sort", FindingOrder::parse).unwrap_or(FindingOrder::Severity),
        }
    }

    /// No filter at all: the projection's own count is the total.
    pub fn is_everything(&self) -> bool {
        let Self { search, severity, disposition, detected, .. } = self;
        search.is_none()
            && severity.is_empty()
            && disposition.is_empty()
            && detected.is_none()
            && self.is_of_counted_parts()
    }

    /// Nothing but what the summary's counters tell apart.
    pub fn is_counted(&self) -> bool {
        self.search.is_none() && self.is_of_counted_parts()
    }

    /// A search without any other filter.
    pub fn is_search_alone(&self) -> bool {
        self.search.is_some() && Self { search: None, ..self.clone() }.is_everything()
    }

    fn is_of_counted_parts(&self) -> bool {
        let Self { remediation, device, cve, kind, assignee, .. } = self;
        remediation.is_empty() && device.is_empty() && cve.is_empty() && kind.is_empty() && assignee.is_empty()
    }

    /// Appends the filters, the search left out, to `… FROM read.findings AS f WHERE f.tenant_id = …`.
    pub fn push(&self, query: &mut QueryBuilder<Postgres>, tenant: Uuid) {
        let ranks: Vec<i16> = self.severity.iter().map(|severity| severity.rank()).collect();
        push_any_of(query, "f.severity", &ranks);
        push_any_of(query, "f.device_id", &self.device);
        push_any_of(query, "f.type", &self.kind);
        push_any_of(query, "f.assignee", &self.assignee);

        let words: Vec<&str> = self.disposition.iter().map(|word| word.as_str()).collect();
        push_any_of(query, "f.disposition", &words);
        if !words.is_empty() && !self.disposition.contains(&Disposition::Untriaged) {
            query.push(" AND f.disposition <> 'untriaged'");
        }
        let words: Vec<&str> = self.remediation.iter().map(|word| word.as_str()).collect();
        push_any_of(query, "f.remediation", &words);
        if !words.is_empty() && !self.remediation.contains(&Remediation::Open) {
            query.push(" AND f.remediation <> 'open'");
        }
        match self.detected {
            Some(true) => {
                query.push(" AND f.detected");
            }
            Some(false) => {
                query.push(" AND NOT f.detected");
            }
            None => {}
        }
        if !self.cve.is_empty() {
            query.push(" AND f.finding_id IN (SELECT c.finding_id FROM read.finding_cves AS c WHERE c.tenant_id = ");
            query.push_bind(tenant);
            push_any_of(query, "c.cve", &self.cve);
            query.push(")");
        }
    }
}

fn parse_bool(text: &str) -> Result<bool, Fault> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Fault::new("unknown-value", "must be true or false")),
    }
}

pub fn parse_id(text: &str) -> Result<Uuid, Fault> {
    Uuid::parse_str(text).map_err(|_| Fault::new("invalid-id", "must be a UUID"))
}

/// CVE names are compared in upper case, as they are stored.
fn parse_cve(text: &str) -> Result<String, Fault> {
    let name = text.to_ascii_uppercase();
    let mut parts = name.split('-');
    let digits = |part: Option<&str>, least: usize| {
        part.is_some_and(|part| part.len() >= least && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let well_formed = parts.next() == Some("CVE")
        && digits(parts.next(), 4)
        && digits(parts.next(), 4)
        && parts.next().is_none()
        && name.len() <= CVE_MAX_BYTES;
    if well_formed { Ok(name) } else { Err(Fault::new("invalid-cve", "must look like CVE-2024-6387")) }
}

fn parse_type(text: &str) -> Result<String, Fault> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let well_formed = text.len() <= TYPE_MAX_BYTES
        && text.bytes().next().is_some_and(letter)
        && text.bytes().all(|byte| letter(byte) || b"_.-".contains(&byte));
    if well_formed {
        Ok(text.to_owned())
    } else {
        Err(Fault::new("invalid-type", "must be lower-case letters, digits, and _ . - after the first"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cve_is_read_in_any_case_and_nothing_else_is_read() {
        assert_eq!(parse_cve("cve-2024-6387").as_deref(), Ok("CVE-2024-6387"));
        for text in ["", "CVE-2024", "CVE-24-6387", "CVE-2024-63x7", "CVE-2024-6387-1", "CVE-2024-\u{0}6387"] {
            assert!(parse_cve(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_type_is_a_short_label() {
        assert!(parse_type("open-port").is_ok());
        for text in ["", "-x", "Open", "a b", "a\u{0}", &"a".repeat(65)] {
            assert!(parse_type(text).is_err(), "{text:?}");
        }
    }
}

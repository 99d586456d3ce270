//! What whoever sends a report says the scan was to cover: one query parameter, read strictly. It is kept with the scan
//! and decides nothing yet.

use std::fmt::Write;

use actix_web::web::Query;
use domain::scan::{HOSTS_MAX, Hosts, target};
use domain::vocabulary::{Invalid, Name};
use platform::problem::{Code, Problem};

use super::body::Passed;

const PARAMETER: &str = "scope";

/// The declared targets; none where nothing was declared. Any other parameter is a mistake that must not pass unseen.
pub fn declared(query: &str) -> Result<Hosts, Problem> {
    let unreadable = |_| refused("?", &Invalid::new("malformed-query", "the query string cannot be read"));
    let Query(pairs) = Query::<Vec<(String, String)>>::from_query(query).map_err(unreadable)?;
    if let Some((name, _)) = pairs.iter().find(|(name, _)| name != PARAMETER) {
        let unknown = Invalid::new("unknown-parameter", "is not a parameter of this route");
        return Err(refused(&format!("?{name}"), &unknown));
    }
    match pairs.as_slice() {
        [] => Ok(Hosts::default()),
        [(_, list)] => hosts(list).map_err(|invalid| refused("?scope", &invalid)),
        [_, _, ..] => Err(refused("?scope", &Invalid::new("repeated", "may be given only once"))),
    }
}

/// What tells one keyed upload from another: its bytes, and what was declared of them.
pub fn told_apart_by(hosts: &Hosts, passed: &Passed) -> Vec<u8> {
    let mut text = String::new();
    for host in hosts.iter() {
        let _ = write!(text, "{host},");
    }
    [passed.sha256.as_slice(), text.as_bytes()].concat()
}

fn hosts(list: &str) -> Result<Hosts, Invalid> {
    // Counted as they are written: what the document calls too many is too many, whatever they are called.
    if list.split(',').nth(HOSTS_MAX).is_some() {
        return Err(Invalid::new("too-many", format!("may list at most {HOSTS_MAX} targets")));
    }
    Hosts::new(list.split(',').map(target).collect::<Result<Vec<Name>, _>>()?)
}

fn refused(pointer: &str, invalid: &Invalid) -> Problem {
    Problem::new(Code::MalformedRequest).detail("The query string has faults.").field(
        pointer,
        invalid.code,
        invalid.detail.clone(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(query: &str) -> Vec<String> {
        declared(query).unwrap().iter().map(ToString::to_string).collect()
    }

    fn fault(query: &str) -> (u16, String, String) {
        let problem = declared(query).unwrap_err();
        let body = serde_json::to_value(&problem).unwrap();
        let text = |name: &str| body["errors"][0][name].as_str().unwrap().to_owned();
        (problem.status().as_u16(), text("pointer"), text("code"))
    }

    #[test]
    fn targets_are_parted_by_commas_and_kept_once_in_one_form() {
        assert_eq!(told(""), Vec::<String>::new());
        assert_eq!(told("scope=WEB.example.org,10.0.0.7/24%2C10.0.0.0/24"), ["10.0.0.0/24", "web.example.org"]);
    }

    #[test]
    fn a_fault_is_a_bad_request_that_names_the_parameter() {
        let of = |pointer: &str, code: &str| (400, pointer.to_owned(), code.to_owned());
        let many = vec!["a"; HOSTS_MAX + 1];
        for query in ["scope=", "scope=10.0.0.300", "scope=10.0.0.1,,10.0.0.2", "scope=a%00b", "scope=--script"] {
            assert_eq!(fault(query), of("?scope", "malformed-target"), "{query}");
        }
        assert_eq!(fault(&format!("scope={}", many.join(","))), of("?scope", "too-many"));
        assert_eq!(fault("scope=a&scope=b"), of("?scope", "repeated"));
        assert_eq!(fault("scope=a&targets=b"), of("?targets", "unknown-parameter"));
    }

    #[test]
    fn the_document_announces_how_many_targets_are_read() {
        let document = serde_json::to_value(crate::openapi()).unwrap();
        let parameter = &document["paths"]["/v1/scans"]["post"]["parameters"][0];
        assert_eq!((&parameter["name"], &parameter["schema"]["maxItems"]), (&PARAMETER.into(), &HOSTS_MAX.into()));
    }

    #[test]
    fn another_scope_is_another_upload() {
        let passed = Passed { sha256: [7; 32], bytes: 1 };
        let [none, one] = ["", "scope=a"].map(|query| told_apart_by(&declared(query).unwrap(), &passed));
        assert_ne!(none, one);
        assert_eq!(none, passed.sha256);
    }
}

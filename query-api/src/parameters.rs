//! The query string, read strictly: an unknown parameter is an answer of 400, not a filter silently ignored.
//!
//! Every fault of a request is reported at once, with the parameter's name as its pointer. This module knows how
//! parameters are written (repeated, separated by commas), never what they mean.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web::Query};
use platform::problem::{Code, Problem};

/// The most values one filter may list.
const FILTER_MAX_VALUES: usize = 50;
/// The longest value that is looked at; a cursor is the longest there is.
const VALUE_MAX_BYTES: usize = 1024;

/// What is wrong with one value.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    code: &'static str,
    detail: String,
}

impl Fault {
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

/// The parameters of one request, taken out one after the other.
#[derive(Debug)]
pub struct Parameters {
    values: BTreeMap<String, Vec<String>>,
    faults: Vec<(String, Fault)>,
}

impl Parameters {
    pub fn of(request: &HttpRequest) -> Self {
        let mut parameters = Self { values: BTreeMap::new(), faults: Vec::new() };
        match Query::<Vec<(String, String)>>::from_query(request.query_string()) {
            Ok(pairs) => pairs.into_inner().into_iter().for_each(|(name, value)| parameters.add(name, value)),
            Err(_) => parameters.fault("", Fault::new("malformed-query", "the query string cannot be read")),
        }
        parameters
    }

    fn add(&mut self, name: String, value: String) {
        if value.len() > VALUE_MAX_BYTES {
            self.fault(&name, Fault::new("too-long", format!("must not exceed {VALUE_MAX_BYTES} bytes")));
        } else {
            self.values.entry(name).or_default().push(value);
        }
    }

    /// A parameter that may be given once.
    pub fn one<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Fault>) -> Option<T> {
        let values = self.values.remove(name)?;
        let outcome = match values.as_slice() {
            [value] => parse(value),
            [] | [_, _, ..] => Err(Fault::new("repeated", "may be given only once")),
        };
        outcome.map_err(|fault| self.fault(name, fault)).ok()
    }

    /// A filter that may be repeated or list its values with commas. Sorted and without doubles, so that the same
    /// filter written otherwise is the same query.
    pub fn many<T: Ord>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, Fault>) -> Vec<T> {
        let given = self.values.remove(name).unwrap_or_default();
        let mut values = Vec::new();
        for text in given.iter().flat_map(|list| list.split(',')) {
            match parse(text) {
                Ok(value) => values.push(value),
                Err(fault) => self.fault(name, fault),
            }
        }
        values.sort_unstable();
        values.dedup();
        if values.len() > FILTER_MAX_VALUES {
            self.fault(name, Fault::new("too-many", format!("may list at most {FILTER_MAX_VALUES} values")));
            values.truncate(FILTER_MAX_VALUES);
        }
        values
    }

    /// Refuses the request if anything was wrong or is left over.
    pub fn finish(mut self) -> Result<(), Problem> {
        let unknown: Vec<String> = std::mem::take(&mut self.values).into_keys().collect();
        for name in unknown {
            self.fault(&name, Fault::new("unknown-parameter", "is not a parameter of this route"));
        }
        if self.faults.is_empty() {
            return Ok(());
        }
        let problem = Problem::new(Code::MalformedRequest).detail("The query string has faults.");
        Err(self
            .faults
            .into_iter()
            .fold(problem, |problem, (name, fault)| problem.field(format!("?{name}"), fault.code, fault.detail)))
    }

    fn fault(&mut self, name: &str, fault: Fault) {
        self.faults.push((name.to_owned(), fault));
    }
}

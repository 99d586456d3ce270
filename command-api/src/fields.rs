//! Collects what is wrong with the fields of a request, so that the caller learns all of it at once.
//! It knows no rule itself: each field is judged by the domain type it becomes.

use std::fmt::Display;

use domain::vocabulary::Invalid;
use platform::problem::FieldError;

use crate::error::Error;

/// The faults found so far. Each method gives back what it could parse; `finish` decides.
#[derive(Debug, Default)]
pub struct Fields(Vec<FieldError>);

impl Fields {
    /// Takes the value, or notes why the field at `pointer` cannot have it.
    pub fn check<T>(&mut self, pointer: &str, parsed: Result<T, Invalid>) -> Option<T> {
        parsed.inspect_err(|invalid| self.fault(pointer, invalid.code, &invalid.detail)).ok()
    }

    /// The same for a field that may be absent. A bad one reads as absent here and fails in `finish`.
    pub fn optional<S, T>(
        &mut self,
        pointer: &str,
        given: Option<S>,
        parse: impl FnOnce(S) -> Result<T, Invalid>,
    ) -> Option<T> {
        self.check(pointer, given.map(parse).transpose()).flatten()
    }

    /// The same for each member of a list, with its index in the pointer.
    pub fn each<S, T>(
        &mut self,
        pointer: &str,
        given: impl IntoIterator<Item = S>,
        mut parse: impl FnMut(S) -> Result<T, Invalid>,
    ) -> Vec<T> {
        let members = given.into_iter().enumerate();
        members.filter_map(|(index, member)| self.check(&format!("{pointer}/{index}"), parse(member))).collect()
    }

    pub fn fault(&mut self, pointer: &str, code: &'static str, detail: impl Display) {
        self.0.push(FieldError { pointer: pointer.to_owned(), code: code.into(), detail: detail.to_string() });
    }

    /// How many so far.
    pub fn faults(&self) -> usize {
        self.0.len()
    }

    /// Builds the value out of what was parsed, unless anything was wrong.
    pub fn finish<T>(self, build: impl FnOnce() -> Option<T>) -> Result<T, Error> {
        if !self.0.is_empty() {
            return Err(Error::Fields(self.0));
        }
        Ok(build().expect("a value is missing only where a fault was noted"))
    }
}

//! A set small enough to lie in one event: sorted, without duplicates, bounded.

use serde::{Deserialize, Deserializer, Serialize};

use super::{Address, Cve, CvssVector, Invalid};

pub const ADDRESSES_MAX: usize = 64;
pub const CVES_MAX: usize = 64;
pub const CVSS_VECTORS_MAX: usize = 8;

pub type Addresses = Few<Address, ADDRESSES_MAX>;
pub type Cves = Few<Cve, CVES_MAX>;
pub type CvssVectors = Few<CvssVector, CVSS_VECTORS_MAX>;

/// At most `MAX` different values, in ascending order.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct Few<T, const MAX: usize>(Vec<T>);

impl<T: Ord, const MAX: usize> Few<T, MAX> {
    /// Duplicates are removed before they are counted.
    pub fn new(values: impl IntoIterator<Item = T>) -> Result<Self, Invalid> {
        let mut values: Vec<T> = values.into_iter().collect();
        values.sort_unstable();
        values.dedup();
        if values.len() > MAX {
            return Err(Invalid::new("too-many", format!("must not be more than {MAX}")));
        }
        Ok(Self(values))
    }

    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl<T, const MAX: usize> Default for Few<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'a, T, const MAX: usize> IntoIterator for &'a Few<T, MAX> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'de, T: Deserialize<'de> + Ord, const MAX: usize> Deserialize<'de> for Few<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

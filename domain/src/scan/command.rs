//! What somebody wants of a scan.

use super::Record;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// The report was read to its end.
    Record(Record),
}

//! What happened to a scan. These are facts: added to, never renamed. How they are stored is not said here.

use super::Record;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    Recorded(Record),
}

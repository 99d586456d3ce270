//! A place in the log as the world outside the store knows it: `<epoch>.<partition>.<seq>`.
//!
//! It is what `X-Consistency` carries. It never says whether the place still exists: that is for whoever reads the epochs.

use std::fmt;
use std::str::FromStr;

/// How many partitions a log has; a position outside of them is no position.
pub const PARTITIONS: i16 = 64;

/// The header that carries a position, out of a command and into a query.
pub const X_CONSISTENCY: &str = "x-consistency";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub epoch: i32,
    pub partition: i16,
    pub seq: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a position reads <epoch>.<partition>.<seq>, three plain numbers, the second below {PARTITIONS}")]
pub struct NotAPosition;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.epoch, self.partition, self.seq)
    }
}

impl FromStr for Position {
    type Err = NotAPosition;

    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let mut parts = text.split('.');
        let mut next = || parts.next().ok_or(NotAPosition);
        let position = Self { epoch: number(next()?)?, partition: number(next()?)?, seq: number(next()?)? };
        if parts.next().is_some() || position.partition >= PARTITIONS {
            return Err(NotAPosition);
        }
        Ok(position)
    }
}

/// One spelling a number: no sign, no leading zero, so that equal positions are equal texts.
fn number<T: FromStr>(text: &str) -> Result<T, NotAPosition> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || (text.len() > 1 && text.starts_with('0')) {
        return Err(NotAPosition);
    }
    text.parse().map_err(|_| NotAPosition)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_position_reads_back_as_written(epoch in 0..i32::MAX, partition in 0..PARTITIONS, seq in 0..i64::MAX) {
            let position = Position { epoch, partition, seq };
            prop_assert_eq!(position.to_string().parse(), Ok(position));
        }

        #[test]
        fn whatever_reads_as_a_position_was_written_like_that(text in "[0-9.+-]{0,24}") {
            if let Ok(position) = text.parse::<Position>() {
                prop_assert_eq!(position.to_string(), text);
            }
        }
    }

    #[test]
    fn what_is_no_position_is_refused() {
        for text in [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "1.64.3",
            "-1.2.3",
            "+1.2.3",
            "1.2.",
            "1.2.03",
            "1.2.9223372036854775808",
            "a.b.c",
            " 1.2.3",
            "1.2.٣",
        ] {
            assert_eq!(text.parse::<Position>(), Err(NotAPosition), "{text}");
        }
    }
}

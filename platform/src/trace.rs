//! W3C trace context: the `traceparent` of a caller, read strictly, and ours below it.
//!
//! An invalid one is ignored and a new trace begins, as the recommendation asks. It exports no spans.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    pub trace_id: [u8; 16],
    pub parent_id: [u8; 8],
    pub flags: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no traceparent")]
pub struct NotATraceparent;

const SAMPLED: u8 = 1;
const TRACEPARENT_CHARS: usize = 55;

impl TraceContext {
    /// A new trace. Not sampled: nobody collects it yet, and the flag would tell others to.
    pub fn start() -> Self {
        Self { trace_id: random(), parent_id: span_id(), flags: 0 }
    }

    /// The same trace, with a span of ours as the parent of what follows.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { parent_id: span_id(), flags: self.flags & SAMPLED, ..*self }
    }

    pub fn trace_id_hex(&self) -> String {
        hex(&self.trace_id)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", hex(&self.trace_id), hex(&self.parent_id), self.flags)
    }
}

impl FromStr for TraceContext {
    type Err = NotATraceparent;

    /// Version 00 has exactly this length; a later version may go on after another dash; ff is never a version.
    fn from_str(text: &str) -> Result<Self, NotATraceparent> {
        let bytes = text.as_bytes();
        let version: [u8; 1] = digits(bytes, 0)?;
        let length_fits = match version[0] {
            0 => bytes.len() == TRACEPARENT_CHARS,
            0xff => false,
            _ => bytes.len() == TRACEPARENT_CHARS || bytes.get(TRACEPARENT_CHARS) == Some(&b'-'),
        };
        let dashed = [2, 35, 52].iter().all(|at| bytes.get(*at) == Some(&b'-'));
        if !length_fits || !dashed {
            return Err(NotATraceparent);
        }
        let [flags] = digits(bytes, 53)?;
        let context = Self { trace_id: digits(bytes, 3)?, parent_id: digits(bytes, 36)?, flags };
        if context.trace_id == [0; 16] || context.parent_id == [0; 8] {
            return Err(NotATraceparent);
        }
        Ok(context)
    }
}

fn span_id() -> [u8; 8] {
    let mut id = [0; 8];
    id.copy_from_slice(&random()[8..]); // the variant bits lie in here, so the id is never zero
    id
}

#[expect(clippy::disallowed_methods, reason = "a trace is random from its first bit, and no index holds it")]
fn random() -> [u8; 16] {
    Uuid::new_v4().into_bytes()
}

/// N bytes from 2N lower-case hexadecimal digits; upper case is not a traceparent.
fn digits<const N: usize>(text: &[u8], start: usize) -> Result<[u8; N], NotATraceparent> {
    let text = text.get(start..start + 2 * N).ok_or(NotATraceparent)?;
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok(bytes)
}

const fn digit(character: u8) -> Result<u8, NotATraceparent> {
    match character {
        b'0'..=b'9' => Ok(character - b'0'),
        b'a'..=b'f' => Ok(character - b'a' + 10),
        _ => Err(NotATraceparent),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_reads_back_as_written() {
        assert_eq!(GIVEN.parse::<TraceContext>().unwrap().to_string(), GIVEN);
        let started = TraceContext::start();
        assert_eq!(started.to_string().parse(), Ok(started));
    }

    #[test]
    fn a_child_stays_in_the_trace_under_a_span_of_its_own() {
        let given: TraceContext = GIVEN.parse().unwrap();
        let child = given.child();
        assert_eq!((child.trace_id, child.flags), (given.trace_id, given.flags));
        assert_ne!(child.parent_id, given.parent_id);
    }

    #[test]
    fn a_later_version_may_say_more() {
        let later = GIVEN.replacen("00", "01", 1);
        assert!(later.parse::<TraceContext>().is_ok());
        assert!(format!("{later}-more").parse::<TraceContext>().is_ok());
        assert!(format!("{later}more").parse::<TraceContext>().is_err());
    }

    #[test]
    fn what_is_no_traceparent_is_ignored() {
        for text in [
            "",
            "00",
            &GIVEN.to_uppercase(),
            &GIVEN.replacen("00", "ff", 1),
            &format!("{GIVEN}-more"),
            &format!("{GIVEN} "),
            &GIVEN.replace('-', "_"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-000f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473é-0f067aa0ba902b7-01",
        ] {
            assert_eq!(text.parse::<TraceContext>(), Err(NotATraceparent), "{text}");
        }
    }
}

//! The bytes of a report, let through up to a limit for each token and one for the whole.
//!
//! It remembers how the report begins and whether it has ended, because only the source of the bytes can tell a
//! truncated report from a malformed one. It never looks at what lies between.

use std::io::{self, BufRead, Read};

use crate::report::Limit;

use super::TOKEN_MAX_BYTES;

/// Enough to recognise what a file is and to quote how it begins.
const HEAD_MAX_BYTES: usize = 64;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(super) struct Source<R> {
    input: R,
    head: [u8; HEAD_MAX_BYTES],
    head_len: usize,
    mark: bool,
    read: u64,
    report_max_bytes: u64,
    token_left: u64,
    limit_hit: Option<Limit>,
    ended: bool,
}

impl<R> Source<R> {
    pub(super) const fn new(input: R, report_max_bytes: u64) -> Self {
        Self {
            input,
            head: [0; HEAD_MAX_BYTES],
            head_len: 0,
            mark: false,
            read: 0,
            report_max_bytes,
            token_left: TOKEN_MAX_BYTES,
            limit_hit: None,
            ended: false,
        }
    }

    pub(super) const fn begin_token(&mut self) {
        self.token_left = TOKEN_MAX_BYTES;
    }

    pub(super) const fn bytes_read(&self) -> u64 {
        self.read
    }

    pub(super) const fn limit_hit(&self) -> Option<Limit> {
        self.limit_hit
    }

    pub(super) const fn ended(&self) -> bool {
        self.ended
    }

    /// How the report begins, after a byte order mark.
    pub(super) fn head(&self) -> &[u8] {
        let head = self.head.get(..self.head_len).unwrap_or_default();
        head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head)
    }

    /// The XML reader swallows a byte order mark without counting it, where it sees the mark in one piece.
    pub(super) const fn mark_bytes(&self) -> u64 {
        if self.mark { BYTE_ORDER_MARK.len() as u64 } else { 0 }
    }

    pub(super) fn looks_like_xml(&self) -> bool {
        self.head().trim_ascii_start().starts_with(b"<")
    }

    fn limit(&self) -> Option<Limit> {
        if self.read >= self.report_max_bytes {
            Some(Limit { most: self.report_max_bytes, of: "bytes" })
        } else if self.token_left == 0 {
            Some(Limit { most: TOKEN_MAX_BYTES, of: "bytes in one tag, text or comment" })
        } else {
            None
        }
    }
}

impl<R: BufRead> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let limit = self.limit();
        let allowed = self.token_left.min(self.report_max_bytes - self.read);
        let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
        let bytes = self.input.fill_buf()?;
        self.ended = bytes.is_empty();
        if let Some(limit) = limit.filter(|_| !bytes.is_empty()) {
            self.limit_hit = Some(limit);
            return Err(io::Error::other("the report passes a limit"));
        }
        let bytes = &bytes[..bytes.len().min(allowed)];
        if self.read == 0 {
            self.mark = bytes.starts_with(BYTE_ORDER_MARK);
        }
        if self.head_len < HEAD_MAX_BYTES {
            let new_from = usize::try_from(self.read).unwrap_or(usize::MAX);
            for (place, byte) in self.head.iter_mut().skip(new_from).zip(bytes) {
                *place = *byte;
            }
            self.head_len = HEAD_MAX_BYTES.min(new_from.saturating_add(bytes.len()));
        }
        Ok(bytes)
    }

    fn consume(&mut self, count: usize) {
        self.input.consume(count);
        self.read += count as u64;
        self.token_left = self.token_left.saturating_sub(count as u64);
    }
}

impl<R: BufRead> Read for Source<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let count = bytes.len().min(into.len());
        into[..count].copy_from_slice(&bytes[..count]);
        self.consume(count);
        Ok(count)
    }
}

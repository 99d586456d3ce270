//! A report on its way from the network to a parser: hashed and counted as it passes, never whole in memory.
//! It does not know what it carries.

use std::io::{self, Read};
use std::time::Duration;

use actix_web::dev::Payload;
use bytes::Bytes;
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Larger reports answer 413.
pub const SCAN_MAX_BYTES: u64 = 256 * 1024 * 1024;
/// Chunks between network and parser; a chunk is what the server read at once, at most 32 KiB or so.
const CHUNKS_IN_FLIGHT: usize = 16;
/// How long a client may send nothing while we wait for it. Longer, and an upload that nobody sends holds a place.
const IDLE_MAX_SECONDS: u64 = 30;

/// What one upload turned out to be, once all of it has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    pub sha256: [u8; 32],
    pub bytes: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the report is larger than {SCAN_MAX_BYTES} bytes")]
    TooLarge,
    #[error("the connection broke before the report ended")]
    Broken,
    #[error("nothing of the report came for {IDLE_MAX_SECONDS} seconds")]
    Idle,
}

/// The network's end of the pipe.
pub(super) struct Sender(mpsc::Sender<Piece>);

/// The parser's end of the pipe; blocks while it waits.
pub(super) struct Reader {
    pieces: mpsc::Receiver<Piece>,
    rest: Bytes,
    ended: bool,
}

/// A pipe that closes without `End` was cut: dropping the sender must not look like the end of the file.
enum Piece {
    Chunk(Bytes),
    End,
}

#[must_use]
pub(super) fn pipe() -> (Sender, Reader) {
    let (sender, pieces) = mpsc::channel(CHUNKS_IN_FLIGHT);
    (Sender(sender), Reader { pieces, rest: Bytes::new(), ended: false })
}

/// Moves the whole body through the pipe. A parser that has stopped listening stops nothing: the rest is only hashed,
/// so that the client can finish sending and read the answer.
pub(super) async fn pump(payload: &mut Payload, sender: Sender) -> Result<Passed, BodyError> {
    let passed = each_chunk(payload, async |chunk| {
        // An error says the parser is done, well or badly; its result is told elsewhere.
        let _ = sender.0.send(Piece::Chunk(chunk)).await;
    });
    let passed = passed.await?;
    let _ = sender.0.send(Piece::End).await;
    Ok(passed)
}

/// Takes in and forgets what a client goes on to send, within bounds: many clients read the answer only after that.
pub async fn drain(payload: &mut Payload, most_bytes: u64) {
    let mut bytes = 0;
    while let Ok(Some(chunk)) = next(payload).await {
        bytes += chunk.len() as u64;
        if bytes > most_bytes {
            break;
        }
    }
}

/// Only hashes the body.
pub async fn pass(payload: &mut Payload) -> Result<Passed, BodyError> {
    each_chunk(payload, async |_| ()).await
}

async fn each_chunk(payload: &mut Payload, mut use_it: impl AsyncFnMut(Bytes)) -> Result<Passed, BodyError> {
    let mut hash = Sha256::new();
    let mut bytes: u64 = 0;
    while let Some(chunk) = next(payload).await? {
        bytes += chunk.len() as u64;
        if bytes > SCAN_MAX_BYTES {
            return Err(BodyError::TooLarge);
        }
        hash.update(&chunk);
        use_it(chunk).await;
    }
    Ok(Passed { sha256: hash.finalize().into(), bytes })
}

/// Only the client's time counts: while the parser is behind, nobody waits here.
async fn next(payload: &mut Payload) -> Result<Option<Bytes>, BodyError> {
    match timeout(Duration::from_secs(IDLE_MAX_SECONDS), payload.next()).await {
        Ok(chunk) => chunk.transpose().map_err(|_| BodyError::Broken),
        Err(_) => Err(BodyError::Idle),
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() && !self.ended {
            match self.pieces.blocking_recv() {
                Some(Piece::Chunk(chunk)) => self.rest = chunk,
                Some(Piece::End) => self.ended = true,
                None => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the upload was cut off")),
            }
        }
        let n = self.rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&self.rest.split_to(n));
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::error::PayloadError;
    use futures_util::stream;

    use super::*;

    type Chunk = Result<Bytes, PayloadError>;

    fn chunk(text: &'static str) -> Chunk {
        Ok(Bytes::from_static(text.as_bytes()))
    }

    fn body(chunks: impl futures_util::Stream<Item = Chunk> + 'static) -> Payload {
        Payload::Stream { payload: Box::pin(chunks) }
    }

    /// What the parser gets of a body that was pumped, and how it ends for it.
    async fn read(mut reader: Reader) -> (String, io::Result<usize>) {
        let parser = tokio::task::spawn_blocking(move || {
            let mut text = Vec::new();
            let end = reader.read_to_end(&mut text);
            (String::from_utf8(text).unwrap(), end)
        });
        parser.await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_upload_ends_like_a_broken_one() {
        let (sender, reader) = pipe();
        let mut idle = body(stream::iter([chunk("<nmap"), chunk("run>")]).chain(stream::pending()));
        let pumped = pump(&mut idle, sender).await;
        assert!(matches!(pumped, Err(BodyError::Idle)));
        let (text, end) = read(reader).await;
        assert_eq!((text.as_str(), end.unwrap_err().kind()), ("<nmaprun>", io::ErrorKind::UnexpectedEof));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_upload_is_not_an_idle_one() {
        let (sender, reader) = pipe();
        let slow = stream::iter(["<nmap", "run/>"]).then(async |text| {
            tokio::time::sleep(Duration::from_secs(IDLE_MAX_SECONDS - 1)).await;
            chunk(text)
        });
        assert!(pump(&mut body(slow), sender).await.is_ok());
        assert_eq!(read(reader).await.0, "<nmaprun/>");
    }

    #[tokio::test]
    async fn of_a_connection_that_broke_nothing_more_is_read() {
        let (sender, reader) = pipe();
        let broken = [chunk("<nmaprun>"), Err(PayloadError::Incomplete(None)), chunk("<host/>")];
        let pumped = pump(&mut body(stream::iter(broken)), sender).await;
        assert!(matches!(pumped, Err(BodyError::Broken)));
        assert_eq!(read(reader).await.0, "<nmaprun>");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_drained_who_sends_nothing() {
        let began = tokio::time::Instant::now();
        drain(&mut body(stream::pending()), SCAN_MAX_BYTES).await;
        assert_eq!(began.elapsed().as_secs(), IDLE_MAX_SECONDS);
    }

    #[tokio::test]
    async fn a_reader_sees_the_pieces_as_one_file() {
        let (sender, mut reader) = pipe();
        let parser = tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).map(|_| text)
        });
        for chunk in ["<nmap", "run/>"] {
            sender.0.send(Piece::Chunk(Bytes::from_static(chunk.as_bytes()))).await.ok().unwrap();
        }
        sender.0.send(Piece::End).await.ok().unwrap();
        assert_eq!(parser.await.unwrap().unwrap(), "<nmaprun/>");
    }

    #[tokio::test]
    async fn a_cut_upload_is_an_error_and_not_the_end_of_the_file() {
        let (sender, mut reader) = pipe();
        drop(sender);
        let parser = tokio::task::spawn_blocking(move || reader.read(&mut [0; 8]));
        assert_eq!(parser.await.unwrap().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}

//! First pages of lists, kept for whoever asks the very same next: in this process, and in Redis for all of them.
//!
//! What is kept lies under the version of what it was made of, the rights of whoever asked and the question itself, so it
//! is never older than what Postgres would say and never somebody else's. It holds no personal data: lists of people are
//! not kept. A request that names a position, or a deployment whose standbys answer reads, goes past it.
//!
//! An organization's answers in Redis carry its key generation; raising that forgets them all ([`forget`]).

use std::time::Duration;

use actix_web::{FromRequest, HttpRequest, HttpResponse, body::MessageBody, http::header::ETAG};
use bytes::Bytes;
use moka::future::Cache;
use platform::{
    auth::{Caller, Principal},
    position::X_CONSISTENCY,
    redis::{Away, Redis},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{server::State, tenant_versions::Version};

/// Pages of this process.
const FRONT_MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Bounds how long this process shows what was forgotten elsewhere.
const FRONT_LIFE: Duration = Duration::from_secs(2);
/// A page in Redis lives so long, and up to a quarter longer, so that not all are missed at once.
const SHARED_LIFE_SECONDS: u64 = 60;
/// Larger pages are not worth their room.
const BODY_MAX_BYTES: usize = 128 * 1024;
/// What a page depends on that its version does not tell; other programs keep theirs apart.
const FORMAT: u8 = 1;

/// A page as it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub tag: String,
    pub body: Bytes,
}

/// What is kept, and where.
#[derive(Debug, Clone)]
pub struct Answers {
    front: Cache<[u8; 32], Kept>,
    redis: Option<Redis>,
    /// Where not, nothing is.
    kept: bool,
}

/// Where the answer to one request lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    tenant: Uuid,
    digest: [u8; 32],
}

impl Place {
    /// None for a request whose answer is not to be kept.
    pub async fn of(state: &State, request: &HttpRequest, projections: &[&str]) -> Option<Self> {
        let plain = !request.query_string().contains("cursor=") && !request.query_string().contains("q=");
        if !plain || !state.answers.kept || request.headers().contains_key(X_CONSISTENCY) || !state.standbys.is_empty()
        {
            return None;
        }
        let Caller(principal) = Caller::extract(request).await.ok()?;
        let tenant = principal.tenant()?;
        let version = state.tenant_versions.of(tenant, projections, None).await.ok()?;
        let question = request.uri().path_and_query()?.as_str();
        Some(Self { tenant, digest: digest(tenant, &rights(&principal), question, &version) })
    }
}

impl Answers {
    pub fn new(redis: Option<Redis>, kept: bool) -> Self {
        let weigh = |_: &[u8; 32], kept: &Kept| u32::try_from(kept.body.len() + kept.tag.len()).unwrap_or(u32::MAX);
        Self {
            front: Cache::builder().max_capacity(FRONT_MAX_BYTES).time_to_live(FRONT_LIFE).weigher(weigh).build(),
            redis,
            kept,
        }
    }

    pub async fn get(&self, place: &Place) -> Option<Kept> {
        if let Some(kept) = self.front.get(&place.digest).await {
            return Some(kept);
        }
        let redis = self.redis.as_ref()?;
        let keys = [generation_key(redis, place.tenant), page_key(redis, place)];
        let [generation, page] = redis.both(&keys).await.ok()?;
        let kept = read(&page?, generation.as_deref().unwrap_or(b"0"))?;
        self.front.insert(place.digest, kept.clone()).await;
        Some(kept)
    }

    /// Keeps an answer that has a tag and all of whose body is there. Nobody waits for Redis.
    pub async fn keep(&self, place: &Place, answer: HttpResponse) -> HttpResponse {
        let tag = answer.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let (Some(tag), 200) = (tag, answer.status().as_u16()) else { return answer };
        let (head, body) = answer.into_parts();
        let body = match body.try_into_bytes() {
            Ok(body) => body,
            Err(body) => return head.set_body(body),
        };
        if body.len() <= BODY_MAX_BYTES {
            let kept = Kept { tag, body: body.clone() };
            self.front.insert(place.digest, kept.clone()).await;
            if let Some(redis) = self.redis.clone() {
                let place = place.clone();
                // A failure costs the next who asks a question to Postgres.
                tokio::spawn(async move { write(&redis, &place, &kept).await.ok() });
            }
        }
        head.set_body(actix_web::body::BoxBody::new(body))
    }
}

/// Forgets what Redis keeps of an organization; what this process and others keep goes within two seconds.
pub async fn forget(redis: &Redis, tenant: Uuid) -> Result<(), Away> {
    redis.raise(&generation_key(redis, tenant)).await.map(drop)
}

async fn write(redis: &Redis, place: &Place, kept: &Kept) -> Result<(), Away> {
    let generation = redis.bytes(&generation_key(redis, place.tenant)).await?;
    let mut page = generation.unwrap_or_else(|| b"0".to_vec());
    for part in [b"\n", kept.tag.as_bytes(), b"\n", &kept.body] {
        page.extend_from_slice(part);
    }
    let jitter = u64::from(place.digest[0]) * SHARED_LIFE_SECONDS / 4 / u64::from(u8::MAX);
    redis.keep(&page_key(redis, place), &page, Duration::from_secs(SHARED_LIFE_SECONDS + jitter)).await
}

/// Generation, tag and body, parted by line ends; neither of the first two has one.
fn read(page: &[u8], generation: &[u8]) -> Option<Kept> {
    let mut parts = page.splitn(3, |byte| *byte == b'\n');
    let (of, tag, body) = (parts.next()?, parts.next()?, parts.next()?);
    let tag = std::str::from_utf8(tag).ok()?.to_owned();
    (of == generation).then(|| Kept { tag, body: Bytes::copy_from_slice(body) })
}

fn rights(principal: &Principal) -> String {
    match principal {
        Principal::User { role, .. } => format!("user {role}"),
        Principal::Scanner { key, .. } => format!("key {key}"),
        Principal::Operator => "operator".to_owned(),
    }
}

fn digest(tenant: Uuid, rights: &str, question: &str, version: &Version) -> [u8; 32] {
    let digest = Sha256::new().chain_update([FORMAT]).chain_update(tenant);
    digest.chain_update(format!("{rights}\n{question}\n{version:?}")).finalize().into()
}

fn generation_key(redis: &Redis, tenant: Uuid) -> String {
    format!("{}answers:{{{tenant}}}:generation", redis.prefix())
}

fn page_key(redis: &Redis, place: &Place) -> String {
    let digest = u128::from_be_bytes(place.digest[..16].try_into().expect("half of 32 bytes"));
    format!("{}answers:{{{}}}:{digest:032x}", redis.prefix(), place.tenant)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use platform::testing::redis;

    use super::*;
    use crate::tenant_versions::At;

    fn version(seq: i64) -> Version {
        Version { epoch: 1, projections: BTreeMap::from([("devices".to_owned(), At(1, 0, seq))]) }
    }

    fn place(tenant: Uuid, rights: &str, question: &str, seq: i64) -> Place {
        Place { tenant, digest: digest(tenant, rights, question, &version(seq)) }
    }

    fn answer() -> HttpResponse {
        HttpResponse::Ok().insert_header((ETAG, "W/\"t\"")).body("{\"items\":[]}\nmore")
    }

    #[actix_web::test]
    async fn a_page_is_kept_for_the_very_same_question_rights_and_version_in_every_process() {
        let test = redis().await;
        let (one, other) =
            (Answers::new(Some(test.client().await), true), Answers::new(Some(test.client().await), true));
        let (acme, globex) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let asked = place(acme, "user viewer", "/v1/devices?limit=5", 7);
        one.keep(&asked, answer()).await;
        let kept = loop {
            // Written behind the answer.
            if let Some(kept) = other.get(&asked).await {
                break kept;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!((kept.tag.as_str(), &kept.body[..]), ("W/\"t\"", &b"{\"items\":[]}\nmore"[..]));
        for elsewhere in [
            place(globex, "user viewer", "/v1/devices?limit=5", 7),
            place(acme, "user analyst", "/v1/devices?limit=5", 7),
            place(acme, "user viewer", "/v1/devices?limit=6", 7),
            place(acme, "user viewer", "/v1/devices?limit=5", 8),
        ] {
            assert_eq!(other.get(&elsewhere).await, None);
        }
        let client = test.client().await;
        forget(&client, acme).await.unwrap();
        assert_eq!(Answers::new(Some(client), true).get(&asked).await, None);
    }

    #[actix_web::test]
    async fn an_answer_without_a_tag_a_failure_or_a_large_page_is_not_kept() {
        let answers = Answers::new(None, true);
        let asked = place(Uuid::nil(), "user viewer", "/v1/devices", 1);
        for (response, tagged) in [(HttpResponse::Ok(), false), (HttpResponse::Forbidden(), true)] {
            let mut response = response;
            if tagged {
                response.insert_header((ETAG, "W/\"t\""));
            }
            answers.keep(&asked, response.body("x")).await;
            assert_eq!(answers.get(&asked).await, None);
        }
        let large = HttpResponse::Ok().insert_header((ETAG, "W/\"t\"")).body(vec![b'x'; BODY_MAX_BYTES + 1]);
        let answered = answers.keep(&asked, large).await;
        assert_eq!(answered.into_body().try_into_bytes().unwrap().len(), BODY_MAX_BYTES + 1);
        assert_eq!(answers.get(&asked).await, None);
    }
}

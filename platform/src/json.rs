//! The JSON body of a request, with every fault answered as a problem that names the field.
//!
//! It never decompresses and never reads past its limit, and it lets no NUL through: Postgres text cannot hold one.

mod fault;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};

use tokio::time::timeout;

use crate::problem::extract::from_payload;
use crate::problem::{Code, Problem};

/// The largest JSON body. Scans are streamed elsewhere and have a limit of their own.
pub const JSON_MAX_BYTES: usize = 10 * 1024 * 1024;

/// The largest JSON body of somebody who has not said who they are: names and passwords are short.
pub const ANONYMOUS_JSON_MAX_BYTES: usize = 16 * 1024;
/// How long a JSON body may take to arrive. Whoever sends a byte a second holds memory for nothing.
pub const BODY_MAX_SECONDS: u64 = 30;

/// A body that is JSON and reads as `T`. `T` should deny unknown fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Json<T, const MAX_BYTES: usize = JSON_MAX_BYTES>(pub T);

impl<T, const MAX_BYTES: usize> Json<T, MAX_BYTES> {
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: DeserializeOwned + 'static, const MAX_BYTES: usize> FromRequest for Json<T, MAX_BYTES> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = check_headers(request.headers(), MAX_BYTES);
        let mut payload = payload.take();
        Box::pin(async move {
            checked?;
            read(&collect(&mut payload, MAX_BYTES).await?).map(Json)
        })
    }
}

/// Reads a body that is already in memory; what the extractor does after collecting it.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let mut track = serde_path_to_error::Track::new();
    let value = object::<_, T>(serde_path_to_error::Deserializer::new(&mut json, &mut track))
        .map_err(|error| fault::problem(&error, &track.path()))?;
    json.end().map_err(|error| fault::malformed(&error))?;
    fault::refuse_nul(body)?;
    Ok(value)
}

/// Reads an object and nothing else: a derived struct would take an array of its fields' values, too. For structs inside
/// structs, as `#[serde(deserialize_with = "platform::json::object")]`.
pub fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(ObjectVisitor(PhantomData))
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(Fields(map))
    }
}

/// The fields of an object on their way into a struct, an optional one among them.
struct Fields<A>(A);

impl<'de, A: MapAccess<'de>> Deserializer<'de> for Fields<A> {
    type Error = A::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_map(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

fn check_headers(headers: &HeaderMap, max_bytes: usize) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if !text(header::CONTENT_TYPE).is_some_and(is_json) {
        return Err(Problem::new(Code::UnsupportedMediaType).detail("The body must be application/json."));
    }
    if text(header::CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(Problem::new(Code::UnsupportedMediaType).detail("The body must not be compressed."));
    }
    let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length > max_bytes) {
        return Err(too_large(max_bytes));
    }
    Ok(())
}

/// `application/json`, alone or with the one charset JSON has.
fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let named = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    named
        && parts.all(|parameter| {
            !parameter.to_ascii_lowercase().starts_with("charset=")
                || parameter["charset=".len()..].trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
}

/// All of a body, if it ends within its size and its time.
pub async fn collect(payload: &mut Payload, max_bytes: usize) -> Result<Bytes, Problem> {
    let collecting = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| from_payload(&error))?;
            if body.len() + chunk.len() > max_bytes {
                return Err(too_large(max_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    let late = |_| {
        let detail = format!("The body did not arrive within {BODY_MAX_SECONDS} seconds.");
        Problem::new(Code::MalformedRequest).detail(detail)
    };
    timeout(Duration::from_secs(BODY_MAX_SECONDS), collecting).await.map_err(late)?
}

fn too_large(max_bytes: usize) -> Problem {
    Problem::new(Code::PayloadTooLarge)
        .detail(format!("The JSON body of this request holds at most {max_bytes} bytes."))
}

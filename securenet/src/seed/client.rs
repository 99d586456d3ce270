//! The few requests a seed sends. What goes wrong is told with the server's own words, and never with a secret.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

/// A command that takes longer is stuck.
const REQUEST_MAX: Duration = Duration::from_secs(30);

pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("the server cannot be asked")]
    Http(#[from] reqwest::Error),
    #[error("{method} {path} was answered {status}: {said}")]
    Answer { method: Method, path: String, status: StatusCode, said: String },
}

impl Client {
    pub(crate) fn new(url: &str) -> Result<Self, ClientError> {
        // A proxy of the machine has nothing to do with our own address.
        let http = reqwest::Client::builder().no_proxy().timeout(REQUEST_MAX).build()?;
        Ok(Self { http, url: url.to_owned() })
    }

    /// An empty bearer is none.
    pub(crate) async fn post(&self, path: &str, bearer: &str, body: Option<Value>) -> Result<Value, ClientError> {
        let request = self.request(Method::POST, path, bearer);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        answer(request, Method::POST, path).await
    }

    pub(crate) async fn put(&self, path: &str, bearer: &str, body: Value) -> Result<Value, ClientError> {
        answer(self.request(Method::PUT, path, bearer).json(&body), Method::PUT, path).await
    }

    pub(crate) async fn upload(&self, path: &str, bearer: &str, xml: &'static str) -> Result<Value, ClientError> {
        let request = self.request(Method::POST, path, bearer).header("Content-Type", "application/xml").body(xml);
        answer(request, Method::POST, path).await
    }

    /// Sends what must be turned away.
    pub(crate) async fn refused(&self, path: &str, bearer: &str, body: Value) -> Result<(), ClientError> {
        let response = self.request(Method::POST, path, bearer).json(&body).send().await?;
        let status = response.status();
        if status.is_client_error() {
            return Ok(());
        }
        let said = "it should have been refused".to_owned();
        Err(ClientError::Answer { method: Method::POST, path: path.to_owned(), status, said })
    }

    fn request(&self, method: Method, path: &str, bearer: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        if bearer.is_empty() { request } else { request.bearer_auth(bearer) }
    }
}

async fn answer(request: RequestBuilder, method: Method, path: &str) -> Result<Value, ClientError> {
    let response = request.send().await?;
    let status = response.status();
    if status.is_success() {
        return Ok(response.json().await?);
    }
    // The path of an invitation holds its token.
    let path = if path.starts_with("/v1/invitations/") { "/v1/invitations/…/accept" } else { path };
    let said = response.text().await.unwrap_or_default();
    Err(ClientError::Answer { method, path: path.to_owned(), status, said })
}

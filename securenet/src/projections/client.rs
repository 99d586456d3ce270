//! The few requests that operators' commands are. A refusal is told in the server's own words; the token never is.

use std::time::Duration;

use platform::env::Secret;
use platform::position::X_CONSISTENCY;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use uuid::Uuid;

/// Longer than the server lets anybody wait.
const REQUEST_MAX: Duration = Duration::from_secs(30);

pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    token: Secret,
}

/// A command's answer, and from which position on queries know of it.
pub(super) struct Accepted {
    pub body: Value,
    pub position: String,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("the server of SECURENET_URL cannot be asked")]
    Http(#[from] reqwest::Error),
    #[error("{0}")]
    Refused(String),
    #[error("the read models have not reached the command yet")]
    NotYet,
}

impl Client {
    pub(super) fn new(url: &str, token: Secret) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder().timeout(REQUEST_MAX).build()?;
        Ok(Self { http, url: url.trim_end_matches('/').to_owned(), token })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, ClientError> {
        Ok(answer(self.http.get(format!("{}{path}", self.url)), &self.token).await?.json().await?)
    }

    /// Not older than the position.
    pub(super) async fn get_at(&self, path: &str, position: &str) -> Result<Value, ClientError> {
        let request = self.http.get(format!("{}{path}", self.url)).header(X_CONSISTENCY, position);
        Ok(answer(request, &self.token).await?.json().await?)
    }

    /// Keyed, so that a repetition by the network does nothing twice.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Accepted, ClientError> {
        let request =
            self.http.post(format!("{}{path}", self.url)).header("Idempotency-Key", Uuid::now_v7().to_string());
        let response = answer(request.json(body), &self.token).await?;
        let header = response.headers().get(X_CONSISTENCY).and_then(|value| value.to_str().ok());
        let position = header.unwrap_or_default().to_owned();
        Ok(Accepted { position, body: response.json().await? })
    }
}

async fn answer(request: RequestBuilder, token: &Secret) -> Result<Response, ClientError> {
    let response = request.bearer_auth(token.expose()).send().await?;
    let status = response.status();
    match status {
        StatusCode::TOO_EARLY => Err(ClientError::NotYet),
        status if status.is_success() => Ok(response),
        status => Err(ClientError::Refused(said(status, &response.text().await.unwrap_or_default()))),
    }
}

/// Title, detail and fields of a problem, as sentences.
fn said(status: StatusCode, text: &str) -> String {
    let Ok(problem) = serde_json::from_str::<Value>(text) else { return format!("the server answered {status}") };
    let part = |name: &str| problem[name].as_str().unwrap_or_default();
    let mut said = part("title").to_owned();
    if !part("detail").is_empty() {
        said = format!("{said}: {}", part("detail"));
    }
    for field in problem["errors"].as_array().into_iter().flatten() {
        let part = |name: &str| field[name].as_str().unwrap_or_default();
        said = format!("{said}; {} {}", part("pointer"), part("detail"));
    }
    format!("{said} ({status})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_in_its_own_words() {
        let problem = r#"{"title":"Fields are wrong","detail":"","errors":[{"pointer":"/generation","detail":"must be a number"}]}"#;
        let told = said(StatusCode::UNPROCESSABLE_ENTITY, problem);
        assert_eq!(told, "Fields are wrong; /generation must be a number (422 Unprocessable Entity)");
        assert_eq!(said(StatusCode::BAD_GATEWAY, "<html>"), "the server answered 502 Bad Gateway");
    }
}

//! One keep-alive connection to the server: as little client as measuring allows, since it shares the machine with
//! what it measures.

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::{Failed, Outcome};

pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    bearer: String,
    /// The tag of the answer already held, to be asked with.
    held: Option<String>,
}

pub(crate) struct Answer {
    pub status: u16,
    pub etag: Option<String>,
    /// What `X-Consistency` said.
    pub position: Option<String>,
    pub body: Bytes,
}

impl Client {
    /// `host` is `127.0.0.1:port`.
    pub(crate) async fn connect(host: &str, bearer: &str) -> Outcome<Self> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, host: host.to_owned(), bearer: format!("Bearer {bearer}"), held: None })
    }

    /// From now on asks for nothing but what differs from the answer with this tag.
    pub(crate) fn hold(&mut self, etag: String) {
        self.held = Some(etag);
    }

    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> Outcome<Answer> {
        self.send(Method::POST, path, None, Bytes::from(serde_json::to_vec(body)?)).await
    }

    pub(crate) async fn get(&mut self, path: &str, position: Option<&str>) -> Outcome<Answer> {
        self.send(Method::GET, path, position, Bytes::new()).await
    }

    async fn send(&mut self, method: Method, path: &str, position: Option<&str>, body: Bytes) -> Outcome<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host)
            .header("authorization", &self.bearer)
            .header("content-type", "application/json");
        if let Some(position) = position {
            request = request.header("x-consistency", position);
        }
        if let Some(held) = &self.held {
            request = request.header("if-none-match", held);
        }
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Full::new(body))?).await?;
        let status = response.status().as_u16();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (position, etag) = (header("x-consistency"), header("etag"));
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Answer { status, etag, position, body })
    }
}

impl Answer {
    pub(crate) fn expect(self, status: u16) -> Outcome<Self> {
        if self.status == status {
            return Ok(self);
        }
        let body = String::from_utf8_lossy(&self.body);
        Err(Failed::from(format!("expected {status}, was answered {}: {body}", self.status)))
    }

    pub(crate) fn json(&self) -> Outcome<Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

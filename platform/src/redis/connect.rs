//! One connection, whatever stands behind it: one server, the master that Sentinels name, or a Cluster. All are
//! multiplexed, so there is no pool.

use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::cluster::ClusterClient;
use ::redis::cluster_async::ClusterConnection;
use ::redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, FromRedisValue, IntoConnectionInfo, RedisError, RedisResult,
    TlsCertificates, TlsMode,
};

use super::RESPONSE_MAX_MS;
use super::settings::{Mode, Node, Settings};

const CONNECT_MAX_MS: u64 = 400;
/// How often a Cluster's client tries elsewhere within one command.
const CLUSTER_RETRIES: u32 = 2;

#[derive(Clone)]
pub(super) struct Link {
    /// Tells it from the connections before and after it.
    pub(super) number: u64,
    connection: Connection,
}

#[derive(Clone)]
enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    pub(super) async fn query<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, RedisError> {
        match &mut self.connection {
            Connection::One(connection) => command.query_async(connection).await,
            Connection::Cluster(connection) => command.query_async(connection).await,
        }
    }
}

/// Makes connections, one after the other. A Sentinel's client remembers the Sentinels it found.
pub(super) struct Connector {
    settings: Settings,
    sentinels: Option<SentinelClient>,
}

impl Connector {
    pub(super) fn new(settings: Settings) -> Self {
        if settings.nodes.iter().any(|node| node.tls) {
            // More than one provider may be compiled in, and then rustls wants to be told. Another may have told it before.
            rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
        }
        Self { settings, sentinels: None }
    }

    pub(super) async fn connect(&mut self, number: u64) -> RedisResult<Link> {
        let connection = match self.settings.mode {
            Mode::Single => Connection::One(multiplexed(&self.one()?).await?),
            Mode::Sentinel => Connection::One(self.master().await?),
            Mode::Cluster => Connection::Cluster(self.cluster()?.get_async_connection().await?),
        };
        Ok(Link { number, connection })
    }

    fn one(&self) -> RedisResult<Client> {
        let Some(node) = self.settings.nodes.first() else {
            return Err((::redis::ErrorKind::InvalidClientConfig, "no server is named").into());
        };
        let info = self.address(node).into_connection_info()?;
        let mut login = info.redis_settings().clone();
        if let Some(user) = &self.settings.username {
            login = login.set_username(user);
        }
        if let Some(password) = &self.settings.password {
            login = login.set_password(password.expose());
        }
        let info = info.set_redis_settings(login);
        if node.tls { Client::build_with_tls(info, self.certificates()) } else { Client::open(info) }
    }

    async fn master(&mut self) -> RedisResult<MultiplexedConnection> {
        if self.sentinels.is_none() {
            self.sentinels = Some(self.sentinels()?);
        }
        let sentinels = self.sentinels.as_mut().expect("it was made a line ago");
        let client = sentinels.async_get_client().await;
        match client {
            Ok(client) => multiplexed(&client).await,
            Err(error) => {
                self.sentinels = None; // what it remembers may be what is wrong
                Err(error)
            }
        }
    }

    fn sentinels(&self) -> RedisResult<SentinelClient> {
        let settings = &self.settings;
        let addresses = settings.nodes.iter().map(|node| self.address(node));
        let mut builder = SentinelClientBuilder::new(addresses, &settings.sentinel_master, SentinelServerType::Master)?;
        if settings.nodes.iter().any(|node| node.tls) {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
            builder = builder.set_client_to_redis_certificates(self.certificates());
            builder = builder.set_client_to_sentinel_certificates(self.certificates());
        }
        if let Some(user) = &settings.username {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = &settings.password {
            builder = builder.set_client_to_redis_password(password.expose());
        }
        if let Some(password) = &settings.sentinel_password {
            builder = builder.set_client_to_sentinel_password(password.expose());
        }
        builder.build()
    }

    fn cluster(&self) -> RedisResult<ClusterClient> {
        let settings = &self.settings;
        let response = Duration::from_millis(RESPONSE_MAX_MS);
        let mut builder = ClusterClient::builder(settings.nodes.iter().map(|node| self.address(node)))
            .connection_timeout(Duration::from_millis(CONNECT_MAX_MS))
            .response_timeout(response)
            .overall_response_timeout(Some(response))
            .retries(CLUSTER_RETRIES);
        if settings.nodes.iter().any(|node| node.tls) {
            builder = builder.tls(TlsMode::Secure).certs(self.certificates());
        }
        if let Some(user) = &settings.username {
            builder = builder.username(user);
        }
        if let Some(password) = &settings.password {
            builder = builder.password(password.expose());
        }
        builder.build()
    }

    fn address(&self, node: &Node) -> ConnectionAddr {
        if node.tls {
            ConnectionAddr::TcpTls { host: node.host.clone(), port: node.port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(node.host.clone(), node.port)
        }
    }

    fn certificates(&self) -> TlsCertificates {
        TlsCertificates { client_tls: None, root_cert: self.settings.ca.clone() }
    }
}

async fn multiplexed(client: &Client) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(Duration::from_millis(CONNECT_MAX_MS)))
        .set_response_timeout(Some(Duration::from_millis(RESPONSE_MAX_MS)));
    client.get_multiplexed_async_connection_with_config(&config).await
}

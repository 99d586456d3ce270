//! Each service with what it needs, from one environment: this is where they would be split into processes.
//!
//! It opens pools and starts workers, in the order in which they will be stopped; it serves nothing yet and decides
//! nothing.

use std::str::FromStr;
use std::sync::Arc;

use command_api::appender::Appender;
use command_api::denials::Denials;
use command_api::metrics::AppendMetrics;
use command_api::origin::Origin;
use command_api::timer;
use platform::auth::token::Verifier;
use platform::auth::{Authenticator, OperatorToken};
use platform::env::{Env, Environment, Faults, Secret};
use platform::health::Health;
use platform::keyring::{Keyring, root_key};
use platform::postgres::{SelfCheckError, projector_pool, reachable, reader_pool, self_check, writer_pool};
use platform::problem::chain;
use platform::shutdown::Shutdown;
use projector::{Projector, Standing};
use prometheus::Registry;
use query_api::{Denial, DenialSink, QueryApi};
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const CONNECTIONS_DEFAULT: u32 = 16;
const CONNECTIONS_MAX: u32 = 200;

/// Everything the services want from the environment.
pub(crate) struct Settings {
    env: Env,
    writer: Secret,
    projector: Secret,
    reader: Secret,
    root: Secret,
    connections: u32,
    verifier: Option<Verifier>,
    operator: Option<OperatorToken>,
    command: command_api::config::Config,
    query: query_api::Config,
    projection: projector::Config,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Settings(#[from] Faults),
    #[error("a database URL cannot be used")]
    Database(#[from] sqlx::Error),
    #[error("Postgres and this process do not fit together")]
    Role(#[from] SelfCheckError),
    #[error("the command side cannot start")]
    Commands(#[from] command_api::error::Error),
    #[error("the query side cannot start")]
    Queries(#[source] prometheus::Error),
    #[error("a metric cannot be registered")]
    Metrics(#[from] prometheus::Error),
}

/// What a server mounts, and what it is to stop.
pub(crate) struct Running {
    pub(crate) commands: command_api::server::Services,
    pub(crate) command_access: Authenticator,
    pub(crate) queries: QueryApi,
    pub(crate) health: Health,
    pub(crate) workers: Workers,
}

/// Started in the order in which data flows, stopped in the order of this list.
pub(crate) struct Workers {
    connections: (CancellationToken, JoinHandle<()>),
    denials: (CancellationToken, JoinHandle<()>),
    timer: (CancellationToken, JoinHandle<()>),
    appender: (CancellationToken, JoinHandle<()>),
    projector: (CancellationToken, JoinHandle<()>),
}

impl Settings {
    pub(crate) fn from_env(env: Env) -> Result<Self, Faults> {
        let root = env.secret("SECURENET_ROOT_KEY");
        let token_key = env.optional_secret("SECURENET_TOKEN_KEY").unwrap_or_default();
        let operator = env.secret("SECURENET_OPERATOR_TOKEN");
        env.check("SECURENET_ROOT_KEY", root_key(&root));
        let settings = Self {
            writer: env.secret("SECURENET_WRITER_URL"),
            projector: env.secret("SECURENET_PROJECTOR_URL"),
            reader: env.secret("SECURENET_READER_URL"),
            connections: env.bounded("SECURENET_CONNECTIONS", CONNECTIONS_DEFAULT, 1..=CONNECTIONS_MAX),
            verifier: env.check("SECURENET_TOKEN_KEY", Verifier::from_pem(token_key.expose())),
            operator: env.check("SECURENET_OPERATOR_TOKEN", OperatorToken::new(&operator)),
            command: command_api::config::Config::from_env(&env),
            query: query_api::Config::from_env(&env),
            projection: projector::Config::from_env(&env),
            root,
            env,
        };
        settings.env.finish()?;
        Ok(settings)
    }

    pub(crate) fn environment(&self) -> Environment {
        self.env.environment()
    }

    fn keyring(&self, pool: PgPool) -> Keyring {
        Keyring::new(pool, root_key(&self.root).expect("the settings were checked"))
    }

    fn authenticator(&self, pool: PgPool) -> Authenticator {
        let verifier = self.verifier.clone().expect("the settings were checked");
        Authenticator::new(pool, verifier, self.operator.clone())
    }
}

/// Starts all of them in this process. They wait for a Postgres that is away, and refuse one that does not fit.
pub(crate) async fn start(settings: &Settings, registry: &Registry) -> Result<Running, StartError> {
    let writer = writer_pool(&settings.writer, settings.connections)?;
    let reader = reader_pool(&settings.reader, settings.connections)?;
    let projecting = projector_pool(&settings.projector, projector::CONNECTIONS)?;
    for pool in [&writer, &reader, &projecting] {
        self_check(pool).await?;
    }
    let (appender, appending) = start_appender(settings, registry)?;
    let (standing, projector) = start_projector(settings, registry, projecting, appender.committed())?;
    let commands = open_commands(settings, writer.clone(), appender).await?;
    let (sink, denials) = start_denials(commands.denials.clone());
    let timer = spawn(|stop| timer::run(commands.clone(), stop));
    let connections = spawn(|stop| renew_connections(stop, [writer.clone(), reader.clone()]));
    let poller = projector.0.clone(); // the poller of checkpoints has nothing to look at once the projector stops
    let queries = open_queries(settings, registry, reader.clone(), sink, poller)?;
    Ok(Running {
        health: health(writer.clone(), reader, standing),
        command_access: settings.authenticator(writer),
        commands,
        queries,
        workers: Workers { connections, denials, timer, appender: appending, projector },
    })
}

impl Workers {
    /// Nothing is appended any more when the appender stops, and everything appended is projected after it.
    pub(crate) fn stop_with(self, shutdown: &mut Shutdown) {
        let Self { connections, denials, timer, appender, projector } = self;
        let workers = [
            ("connections", connections),
            ("denials", denials),
            ("timer", timer),
            ("appender", appender),
            ("projector", projector),
        ];
        for (name, (stop, task)) in workers {
            shutdown.worker(name, stop, task);
        }
    }
}

fn start_appender(
    settings: &Settings,
    registry: &Registry,
) -> Result<(Appender, (CancellationToken, JoinHandle<()>)), StartError> {
    let options = PgConnectOptions::from_str(settings.writer.expose())?.application_name("securenet-appender");
    let metrics = AppendMetrics::register(registry);
    let (appender, tasks) = Appender::start(&options, settings.command.appenders, metrics);
    // They end by themselves when the last who could append is gone; the server and the timer are by then.
    let worker = spawn(|stop| async move {
        stop.cancelled().await;
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "an appender failed");
            }
        }
    });
    Ok((appender, worker))
}

fn start_projector(
    settings: &Settings,
    registry: &Registry,
    pool: PgPool,
    wake: Arc<Notify>,
) -> Result<(Standing, (CancellationToken, JoinHandle<()>)), StartError> {
    let metrics = projector::Metrics::register(registry)?;
    let projector = Projector::new(pool, settings.projection.clone(), metrics);
    let standing = projector.standing();
    let worker = spawn(|stop| async move {
        if let Err(error) = projector.run(stop, wake).await {
            tracing::error!(error = %chain(&error), "the projector stopped by itself");
        }
    });
    Ok((standing, worker))
}

async fn open_commands(
    settings: &Settings,
    pool: PgPool,
    appender: Appender,
) -> Result<command_api::server::Services, StartError> {
    let signer = settings.command.signer.clone().expect("the settings were checked");
    let keyring = settings.keyring(pool.clone());
    let life = settings.command.session_life;
    Ok(command_api::server::Services::open(pool, appender, keyring, signer, life).await?)
}

fn open_queries(
    settings: &Settings,
    registry: &Registry,
    pool: PgPool,
    denials: DenialSink,
    stop: CancellationToken,
) -> Result<QueryApi, StartError> {
    let services = query_api::Services {
        config: settings.query.clone(),
        authenticator: settings.authenticator(pool.clone()),
        keyring: settings.keyring(pool.clone()),
        pool,
        denials: Some(denials),
        command_document: serde_json::to_value(command_api::openapi()).expect("the document is made of plain text"),
        stop,
    };
    QueryApi::start(services, registry).map_err(StartError::Queries)
}

/// The query side writes nothing; what it refused is noted by the command side, and the caller does not wait for it.
/// The worker has nothing to do until it is stopped: then it sees to it that everything noted is written.
fn start_denials(denials: Denials) -> (DenialSink, (CancellationToken, JoinHandle<()>)) {
    let noting = denials.clone();
    let sink: DenialSink = Arc::new(move |Denial { principal, operation, context }| {
        noting.note_denial(&principal, &operation, Origin::of_principal(&principal, &context));
    });
    let worker = spawn(|stop| async move {
        stop.cancelled().await;
        denials.settled().await;
    });
    (sink, worker)
}

/// A connection belongs to the thread that opened it. Once the server's threads are gone, theirs are of no use to those
/// who still have something to write down.
async fn renew_connections(stop: CancellationToken, pools: [PgPool; 2]) {
    stop.cancelled().await;
    for pool in pools {
        let idle: Vec<_> = std::iter::from_fn(|| pool.try_acquire()).map(|connection| connection.detach()).collect();
        tracing::debug!(connections = idle.len(), "connections of the server's threads are dropped");
    }
}

fn health(writer: PgPool, reader: PgPool, standing: Standing) -> Health {
    Health::builder()
        .dependency("postgres", move || {
            let (writer, reader) = (writer.clone(), reader.clone());
            async move {
                let asked = async { reachable(&writer).await.and(reachable(&reader).await) };
                asked.await.map_err(|error| chain(&error).to_string())
            }
        })
        .dependency("projections", move || {
            let behind = standing.behind();
            async move { if behind.is_empty() { Ok(()) } else { Err(format!("behind: {behind:?}")) } }
        })
        .build()
}

fn spawn<F>(worker: impl FnOnce(CancellationToken) -> F) -> (CancellationToken, JoinHandle<()>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let stop = CancellationToken::new();
    let task = tokio::spawn(worker(stop.clone()));
    (stop, task)
}

//! What was refused at the door, written into the audit trail under the flood rule: the first of a source as events of
//! their own, the rest as one event a minute. It never delays an answer for long and never lets a stranger fill the log.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};

use domain::access::flood::{Aggregate, Flood, Verdict};
use domain::access::{Access, AccountHash, Command, DenialSource, LogInFailure, LogInSource, NetworkPrefix, Operation};
use domain::vocabulary::{Role, StreamId, TenantId, Timestamp};
use event_schemas::Actor;
use platform::auth::Principal;
use platform::request_id::RequestContext;
use uuid::Uuid;

use crate::error::Error;
use crate::handle::{Handler, Order, Start};
use crate::origin::Origin;

/// Takes notes of refusals. Cheap to clone; the clones count together. query-api is handed one, too.
#[derive(Clone)]
pub struct Denials {
    handler: Handler,
    floods: Arc<Mutex<Floods>>,
}

#[derive(Default)]
struct Floods {
    log_ins: Flood<LogInSource>,
    denials: Flood<DenialSource>,
}

impl Denials {
    #[must_use]
    pub fn new(handler: Handler) -> Self {
        Self { handler, floods: Arc::default() }
    }

    /// Somebody known asked for what they may not do. `operation` is a method and a route's pattern.
    pub async fn denied(&self, principal: &Principal, operation: &str, origin: Origin) {
        let tenant = principal.tenant().map_or(TenantId::DEPLOYMENT, TenantId::new);
        let operation = Operation::parse(operation).unwrap_or_else(|_| Operation::various());
        let actor = match principal {
            Principal::User { user, .. } => Some(StreamId::new(*user)),
            Principal::Scanner { key, .. } => Some(StreamId::new(*key)),
            Principal::Operator => None,
        };
        let source = DenialSource { tenant, actor, operation: operation.clone(), network: network(origin.ip()) };
        if self.with_floods(|floods| floods.denials.note(&source, self.handler.now())) == Verdict::Counted {
            return;
        }
        let role = principal.role().and_then(|role| Role::parse(role.as_str()).ok());
        self.record(tenant, Command::RecordDenial { operation, role }, &origin).await;
    }

    /// The same for the query side, which must not wait for it.
    pub fn denied_elsewhere(&self, principal: Principal, operation: String, context: &RequestContext) {
        let (denials, origin) = (self.clone(), Origin::of_principal(&principal, context));
        tokio::spawn(async move { denials.denied(&principal, &operation, origin).await });
    }

    /// A log in that failed; `account` is a keyed hash, because what was typed may have been a password.
    pub async fn log_in_failed(&self, tenant: TenantId, account: AccountHash, reason: LogInFailure, origin: Origin) {
        let source = LogInSource { tenant, account_hash: account, network: network(origin.ip()) };
        if self.with_floods(|floods| floods.log_ins.note(&source, self.handler.now())) == Verdict::Single {
            self.record(tenant, Command::RecordFailedLogIn { account_hash: account, reason }, &origin).await;
        }
    }

    /// Writes the aggregates whose minute is over. Each process does so for its own.
    pub async fn flush_due(&self, now: Timestamp) {
        let (log_ins, denials) = self.with_floods(|floods| (floods.log_ins.due(now), floods.denials.due(now)));
        self.record_aggregates(log_ins, denials).await;
    }

    /// Writes all of them: for a process that stops.
    pub async fn drain(&self) {
        let (log_ins, denials) = self.with_floods(|floods| (floods.log_ins.drain(), floods.denials.drain()));
        self.record_aggregates(log_ins, denials).await;
    }

    async fn record_aggregates(&self, log_ins: Vec<Aggregate<LogInSource>>, denials: Vec<Aggregate<DenialSource>>) {
        let origin = Origin::of_process(Actor::Anonymous);
        let commands = log_ins.into_iter().map(Aggregate::<LogInSource>::into_command);
        let commands = commands.chain(denials.into_iter().map(Aggregate::<DenialSource>::into_command));
        for (tenant, command) in commands.collect::<Vec<_>>() {
            self.record(tenant, command, &origin).await;
        }
    }

    /// The refusal stands whether or not it could be written down, so a fault here is only logged.
    async fn record(&self, tenant: TenantId, command: Command, origin: &Origin) {
        let order: Order<'_, Access> = Order {
            tenant,
            stream: StreamId::new(Uuid::now_v7()),
            command,
            start: Start::New,
            version: None,
            key: None,
            extra: None,
            origin,
        };
        if let Err(error) = self.handler.execute(order).await {
            log_lost(&error);
        }
    }

    fn with_floods<T>(&self, work: impl FnOnce(&mut Floods) -> T) -> T {
        work(&mut self.floods.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn network(ip: Option<IpAddr>) -> NetworkPrefix {
    NetworkPrefix::of(ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
}

fn log_lost(error: &Error) {
    tracing::error!(error = %platform::problem::chain(error), "a refusal could not be written into the audit trail");
}

//! A pool that works behind PgBouncer in transaction mode, where each transaction may meet another server connection.
//!
//! There a statement prepared in one transaction is gone, or is somebody else's, in the next. So behind such a pooler
//! every statement runs in a transaction and without a name, and nothing is set for longer than the transaction. On a
//! direct connection the same calls keep their named, planned statements. It never decides which of the two it is.

use std::str::FromStr;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use sqlx::postgres::{PgArguments, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{
    Describe, Either, Error, Execute, Executor, PgConnection, PgPool, Postgres, SqlSafeStr, SqlStr, Transaction,
};

/// What stands between a process and Postgres: `SECURENET_POOLER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pooler {
    /// Nothing, or one that gives a client its server connection for as long as it stays.
    #[default]
    None,
    /// PgBouncer with `pool_mode = transaction`.
    Transaction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is neither none nor transaction")]
pub struct NotAPooler;

impl FromStr for Pooler {
    type Err = NotAPooler;

    fn from_str(text: &str) -> Result<Self, NotAPooler> {
        match text {
            "none" => Ok(Self::None),
            "transaction" => Ok(Self::Transaction),
            _ => Err(NotAPooler),
        }
    }
}

/// Connections of one role to one server. Cheap to clone; the clones are the same pool.
#[derive(Debug, Clone)]
pub struct Pool {
    inner: PgPool,
    pooler: Pooler,
}

/// A transaction whose statements suit what is in between.
#[derive(Debug)]
pub struct Tx {
    transaction: Transaction<'static, Postgres>,
    pooler: Pooler,
}

/// Runs statements on the connection of a transaction.
#[derive(Debug)]
pub struct Statements<'c> {
    connection: &'c mut PgConnection,
    pooler: Pooler,
}

impl Pool {
    pub const fn new(inner: PgPool, pooler: Pooler) -> Self {
        Self { inner, pooler }
    }

    pub async fn begin(&self) -> Result<Tx, Error> {
        Ok(Tx { transaction: self.inner.begin().await?, pooler: self.pooler })
    }

    /// `BEGIN` in words of the caller's, who may set what holds to the transaction's end in the same round trip.
    pub async fn begin_with(&self, begin: impl SqlSafeStr) -> Result<Tx, Error> {
        Ok(Tx { transaction: self.inner.begin_with(begin).await?, pooler: self.pooler })
    }

    /// The pool underneath, to be asked about itself. Statements run on it would know of no pooler.
    pub const fn inner(&self) -> &PgPool {
        &self.inner
    }
}

/// A direct pool.
impl From<PgPool> for Pool {
    fn from(inner: PgPool) -> Self {
        Self::new(inner, Pooler::None)
    }
}

impl Tx {
    pub fn statements(&mut self) -> Statements<'_> {
        Statements { connection: &mut self.transaction, pooler: self.pooler }
    }

    pub async fn commit(self) -> Result<(), Error> {
        self.transaction.commit().await
    }

    pub async fn rollback(self) -> Result<(), Error> {
        self.transaction.rollback().await
    }
}

/// A statement that is prepared anew each time, and leaves nothing behind on the server.
struct Unnamed<E>(E);

impl<'q, E: Execute<'q, Postgres>> Execute<'q, Postgres> for Unnamed<E> {
    fn sql(self) -> SqlStr {
        self.0.sql()
    }

    fn statement(&self) -> Option<&PgStatement> {
        self.0.statement()
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, sqlx::error::BoxDynError> {
        self.0.take_arguments()
    }

    fn persistent(&self) -> bool {
        false
    }
}

/// What a statement yields, row by row and count by count.
type Steps<'e> = BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>;

impl<'c> Executor<'c> for Statements<'c> {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Steps<'e>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        match self.pooler {
            Pooler::None => self.connection.fetch_many(query),
            Pooler::Transaction => self.connection.fetch_many(Unnamed(query)),
        }
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        match self.pooler {
            Pooler::None => self.connection.fetch_optional(query),
            Pooler::Transaction => self.connection.fetch_optional(Unnamed(query)),
        }
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        self.connection.prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        self.connection.describe(sql)
    }
}

/// A statement by itself. Behind a pooler it gets a transaction, because its preparation and its execution are two
/// messages, and between them the server connection could change; so its rows are gathered before they are handed out.
impl<'p> Executor<'p> for &'p Pool {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Steps<'e>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        match self.pooler {
            Pooler::None => (&self.inner).fetch_many(query),
            Pooler::Transaction => {
                let gathering = async move {
                    let mut tx = self.begin().await?;
                    let steps: Vec<_> = tx.statements().fetch_many(query).try_collect().await?;
                    tx.commit().await?;
                    Ok::<_, Error>(stream::iter(steps.into_iter().map(Ok)))
                };
                stream::once(gathering).try_flatten().boxed()
            }
        }
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        match self.pooler {
            Pooler::None => (&self.inner).fetch_optional(query),
            Pooler::Transaction => Box::pin(async move {
                let mut tx = self.begin().await?;
                let row = tx.statements().fetch_optional(query).await?;
                tx.commit().await?;
                Ok(row)
            }),
        }
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'p: 'e,
    {
        (&self.inner).prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'p: 'e,
    {
        (&self.inner).describe(sql)
    }
}

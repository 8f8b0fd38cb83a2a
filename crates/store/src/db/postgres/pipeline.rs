//! A connection for the length of one transaction, and statements that travel together.

use std::pin::{Pin, pin};
use std::task::Poll;

use deadpool_postgres::{Object, Pool};
use futures_util::TryStreamExt;
use tokio_postgres::types::ToSql;

use crate::db::postgres::bind;
use crate::db::postgres::failure::Failure;
pub(crate) use crate::db::postgres::walls::begin;
use crate::db::{Expects, Row, Scope, Statement};
use crate::error::{Error, Result};

/// A connection that goes back to the pool only when its transaction is over.
pub(crate) struct Session {
    client: Option<Object>,
    clean: bool,
}

/// What a statement gave: its rows, and how many it returned or changed.
pub(crate) struct Answer {
    pub(crate) rows: Vec<tokio_postgres::Row>,
    pub(crate) count: u64,
}

/// A request whose answer is still to come.
pub(crate) type Request<'a, T> = Pin<Box<dyn Future<Output = Result<T, tokio_postgres::Error>> + Send + 'a>>;

impl Session {
    pub(crate) async fn checkout(pool: &Pool) -> Result<Self, Failure> {
        Ok(Self { client: Some(pool.get().await?), clean: false })
    }

    pub(crate) fn client(&self) -> &Object {
        self.client.as_ref().expect("the connection leaves with the session")
    }

    /// Parses statements that the connection has not seen yet.
    pub(crate) async fn prepare(
        &self,
        statements: &[Statement],
    ) -> Result<Vec<tokio_postgres::Statement>, Failure> {
        let mut prepared = Vec::with_capacity(statements.len());
        for statement in statements {
            let types: Vec<_> = statement.params.iter().map(bind::type_of).collect();
            let parsed = self.client().prepare_typed_cached(statement.sql, &types).await;
            prepared.push(parsed.map_err(|error| Failure::of(error, &statement.expects))?);
        }
        Ok(prepared)
    }

    /// Runs statements in one transaction. The commit travels with them when nothing depends on their answers.
    pub(crate) async fn transaction(
        &self,
        scope: Scope,
        statements: &[Statement],
        prepared: &[tokio_postgres::Statement],
    ) -> Result<Vec<Vec<Row>>, Failure> {
        let (mut answers, committed) = self.execute(scope, statements, prepared).await?;
        for (answer, statement) in answers.iter().zip(statements) {
            if answer.count == 0
                && let Some(error) = statement.expects.disappointed()
            {
                self.rollback().await?;
                return Err(Failure::lasting(error));
            }
        }
        let mut results = Vec::with_capacity(answers.len());
        for answer in answers.drain(..) {
            let rows: Result<Vec<Row>> = answer.rows.iter().map(bind::read).collect();
            match rows {
                Ok(rows) => results.push(rows),
                Err(error) if committed => return Err(Failure::lasting(error)),
                Err(error) => {
                    self.rollback().await?;
                    return Err(Failure::lasting(error));
                }
            }
        }
        if !committed {
            self.client().batch_execute("COMMIT").await.map_err(Failure::of_commit)?;
        }
        Ok(results)
    }

    /// Runs one statement, together with the beginning and the end of its transaction.
    pub(crate) async fn single(
        &self,
        scope: Scope,
        sql: &'static str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<tokio_postgres::Row>, Failure> {
        let prepared = self.parse(sql).await?;
        let begin = begin(scope);
        let requests = vec![self.text(&begin), self.request(&prepared, params.to_vec()), self.text("COMMIT")];
        let mut rows = Vec::new();
        for (index, answer) in in_order(requests).await.into_iter().enumerate() {
            match answer {
                Ok(answer) => rows.extend(answer.rows),
                Err(error) if index == 0 => return Err(Failure::from(error)),
                Err(error) => return Err(Failure::of_commit(error)),
            }
        }
        Ok(rows)
    }

    async fn execute(
        &self,
        scope: Scope,
        statements: &[Statement],
        prepared: &[tokio_postgres::Statement],
    ) -> Result<(Vec<Answer>, bool), Failure> {
        let at_once = statements.iter().all(|statement| matches!(statement.expects, Expects::Anything));
        let begin = begin(scope);
        let mut requests: Vec<Request<'_, Answer>> = vec![self.text(&begin)];
        for (statement, prepared) in statements.iter().zip(prepared) {
            requests.push(self.request(prepared, statement.params.iter().map(|param| param as _).collect()));
        }
        if at_once {
            requests.push(self.text("COMMIT"));
        }
        let mut answers = in_order(requests).await;
        let commit = if at_once { answers.pop() } else { None };
        let mut results = Vec::with_capacity(statements.len());
        let mut failure: Option<Failure> = None;
        for (index, answer) in answers.into_iter().enumerate() {
            match answer {
                Ok(answer) if index > 0 => results.push(answer),
                Ok(_) => {}
                Err(error) if failure.is_some() && Failure::is_echo(&error) => {}
                Err(error) => {
                    let found = match index.checked_sub(1) {
                        Some(index) => Failure::of(error, &statements[index].expects),
                        None => Failure::from(error),
                    };
                    // A lost connection says less than what the server said before.
                    failure = Some(match failure {
                        Some(first) => Failure { lost: first.lost || found.lost, ..first },
                        None => found,
                    });
                }
            }
        }
        match (failure, commit) {
            (None, None) => Ok((results, false)),
            (None, Some(Ok(_))) => Ok((results, true)),
            (None, Some(Err(error))) => Err(Failure::of_commit(error)),
            // The commit of a transaction that failed undoes it; on a lost connection nobody knows how far it got.
            (Some(mut failure), Some(_)) => {
                if failure.lost {
                    failure.stage = super::Stage::Unknown;
                }
                Err(failure)
            }
            (Some(failure), None) => {
                if failure.lost {
                    return Err(failure);
                }
                self.rollback().await?;
                // What an earlier statement expected in vain says more: this one should not have run at all.
                let vain =
                    results.iter().zip(statements).filter(|(answer, _): &(&Answer, _)| answer.count == 0);
                let vain = vain.filter_map(|(_, statement)| statement.expects.disappointed()).next();
                Err(vain.map_or(failure, Failure::lasting))
            }
        }
    }

    /// Parses a statement whose parameters say their types, unless the connection has seen it.
    pub(crate) async fn parse(&self, sql: &'static str) -> Result<tokio_postgres::Statement, Failure> {
        Ok(self.client().prepare_cached(sql).await?)
    }

    pub(crate) async fn rollback(&self) -> Result<(), Failure> {
        self.client().batch_execute("ROLLBACK").await.map_err(Failure::from)
    }

    /// A text of statements without parameters.
    pub(crate) fn text<'a>(&'a self, sql: &'a str) -> Request<'a, Answer> {
        Box::pin(async move {
            self.client().batch_execute(sql).await?;
            Ok(Answer { rows: Vec::new(), count: 0 })
        })
    }

    /// A prepared statement.
    pub(crate) fn request<'a>(
        &'a self,
        prepared: &'a tokio_postgres::Statement,
        params: Vec<&'a (dyn ToSql + Sync)>,
    ) -> Request<'a, Answer> {
        Box::pin(async move {
            let stream = self.client().query_raw(prepared, params).await?;
            let mut stream = pin!(stream);
            let mut rows = Vec::new();
            while let Some(row) = stream.try_next().await? {
                rows.push(row);
            }
            let count = stream.rows_affected().unwrap_or_default();
            Ok(Answer { rows, count })
        })
    }

    /// Says how the transaction ended. Without this the connection is closed, as nobody knows what it is in.
    pub(crate) fn finish<T>(&mut self, result: &Result<T, Failure>) {
        self.clean = !matches!(result, Err(failure) if failure.lost);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.clean
            && let Some(client) = self.client.take()
        {
            drop(Object::take(client));
        }
    }
}

impl Expects {
    /// The error when nothing was returned or changed.
    fn disappointed(&self) -> Option<Error> {
        match self {
            Expects::Anything => None,
            Expects::Found(what) => Some(Error::NotFound(what)),
            Expects::NoConflict(text) => Some(Error::Conflict((*text).into())),
        }
    }
}

/// Sends all requests before it waits for the first answer. They are answered in the order in which they are sent, which
/// is the order in which they are polled first.
pub(crate) async fn in_order<T>(requests: Vec<Request<'_, T>>) -> Vec<Result<T, tokio_postgres::Error>> {
    let mut waiting: Vec<_> = requests.into_iter().map(|request| (request, None)).collect();
    let mut first_open = 0;
    std::future::poll_fn(|context| {
        let all = waiting.len();
        for (request, answer) in &mut waiting[first_open..] {
            if answer.is_none()
                && let Poll::Ready(ready) = request.as_mut().poll(context)
            {
                *answer = Some(ready);
            }
        }
        while first_open < all && waiting[first_open].1.is_some() {
            first_open += 1;
        }
        if first_open == all { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    waiting.into_iter().filter_map(|(_, answer)| answer).collect()
}

//! The answer of an execution that runs elsewhere, or ran before.

use std::time::Duration;

use model::ids::{ExecutionId, WorkspaceId};

use super::resume::fold;
use super::shared::Shared;
use crate::durable::seed;
use crate::start::{Answer, StartError};

/// How often to look when no hint comes.
const LOOK: Duration = Duration::from_secs(5);

impl Shared {
    /// Waits for the answer of an execution, as its journal tells it.
    pub(crate) async fn answer_of(&self, workspace: WorkspaceId, execution: ExecutionId) -> Answer {
        let mut watch = self.watched.watch(execution);
        loop {
            match self.look_for_answer(workspace, execution).await {
                Ok(Some(answer)) => return answer,
                Ok(None) => {}
                Err(error @ store::Error::Unavailable(_)) => {
                    tracing::debug!(%execution, error = &error as &dyn std::error::Error, "the answer cannot be read yet");
                }
                Err(error) => return Answer::Refused(StartError::from(error)),
            }
            _ = tokio::time::timeout(LOOK, watch.changed()).await;
        }
    }

    async fn look_for_answer(
        &self,
        workspace: WorkspaceId,
        execution: ExecutionId,
    ) -> store::Result<Option<Answer>> {
        let loaded = self.store.load(workspace, execution).await?;
        let status = loaded.head.status;
        let unreadable = |failure| Answer::Ended { status, failure, last: Default::default() };
        let folded = match self.plans.get(workspace, loaded.head.workflow, loaded.head.version).await {
            Ok(plan) => fold(&plan, self.config.limits, seed(execution), &loaded.records),
            Err(error) => Err(error.to_string()),
        };
        Ok(match folded {
            Ok((folded, _)) => match folded.response() {
                Some(response) => Some(Answer::Response(response.clone())),
                None if status.is_final() => Some(Answer::Ended {
                    status,
                    failure: folded.failure().cloned(),
                    last: folded.last_items(),
                }),
                None => None,
            },
            Err(_) if status.is_final() => Some(unreadable(None)),
            Err(_) => None,
        })
    }
}

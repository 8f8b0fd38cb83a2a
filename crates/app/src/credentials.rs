//! Credentials: people hand secrets in and never get them out again; steps use them.

use std::sync::Arc;

use model::ids::{CredentialId, WorkspaceId};
use model::validate::Code;
use model::{Object, Problem, Value};
use sdk::NodeError;
use sdk::NodeInfo;
use sdk::credential::{Credential, Credentials};
use sdk::node::BoxFuture;
use store::Store;
use store::credentials::{Credential as Stored, NewCredential};
use store::secrets::{Keyring, Secret};

use crate::access::{Actor, Permission};
use crate::app::App;
use crate::error::{Error, Result};
use crate::secrets::RootKey;

/// Longest secret, as JSON.
const MAX_SECRET: usize = 64 << 10;

/// A credential to be.
pub struct CredentialRequest {
    /// What to call it.
    pub name: String,
    /// What it is for, such as `httpHeaderAuth`.
    pub kind: String,
    /// Its secrets.
    pub fields: Object,
}

/// Creates a credential. Its secrets are encrypted and never shown again.
pub async fn create_credential(app: &App, actor: &Actor, request: CredentialRequest) -> Result<Stored> {
    let workspace = actor.require(Permission::EditCredentials)?;
    let mut problems = Vec::new();
    for (path, text) in [("name", &request.name), ("kind", &request.kind)] {
        if text.trim().is_empty() || text.chars().count() > 200 || text.chars().any(char::is_control) {
            let message = "this has 1 to 200 characters, none of them a control character";
            problems.push(Problem::error(path, Code::Range, message));
        }
    }
    let secret = Secret::new(Value::Object(request.fields).to_json());
    if secret.expose().len() > MAX_SECRET {
        problems.push(Problem::error("fields", Code::TooLarge, "secrets have at most 64 KiB together"));
    }
    if let Some(first) = problems.first() {
        return Err(Error::Invalid { message: first.to_string(), problems });
    }
    let new = NewCredential { name: request.name, kind: request.kind, secret, user: Some(actor.user()) };
    let id = app.store.create_credential(app.key.keyring(), workspace, new).await?;
    Ok(app.store.credential(workspace, id).await?)
}

/// Lists the credentials of the workspace, without their secrets.
pub async fn list_credentials(app: &App, actor: &Actor) -> Result<Vec<Stored>> {
    let workspace = actor.require(Permission::ReadCredentials)?;
    Ok(app.store.credentials(workspace).await?)
}

/// Deletes a credential: steps that use it fail from now on.
pub async fn delete_credential(app: &App, actor: &Actor, id: CredentialId) -> Result<()> {
    let workspace = actor.require(Permission::EditCredentials)?;
    Ok(app.store.delete_credential(workspace, id).await?)
}

/// The secrets of a workspace, for its steps.
pub fn of_workspace(store: &Store, key: &RootKey, workspace: WorkspaceId) -> Arc<dyn Credentials> {
    Arc::new(OfWorkspace { store: store.clone(), keyring: key.keyring().clone(), workspace })
}

struct OfWorkspace {
    store: Store,
    keyring: Keyring,
    workspace: WorkspaceId,
}

impl Credentials for OfWorkspace {
    fn find<'a>(&'a self, node: &'a NodeInfo, kind: &'a str) -> BoxFuture<'a, Result<Credential, NodeError>> {
        Box::pin(self.open(node, kind))
    }
}

impl OfWorkspace {
    /// Opens what the node names by id: a name could be taken by somebody else.
    async fn open(&self, node: &NodeInfo, kind: &str) -> Result<Credential, NodeError> {
        let Some(named) = node.credentials.get(kind) else {
            return Err(NodeError::permanent(format!(
                "node \"{}\" needs a credential of type {kind}; choose one",
                node.name
            )));
        };
        let missing = || {
            NodeError::permanent(format!(
                "credential \"{}\" of node \"{}\" is not there; choose another one",
                named.name, node.name
            ))
        };
        let id: CredentialId = named.id.as_deref().and_then(|id| id.parse().ok()).ok_or_else(missing)?;
        let (stored, secret) = match self.store.open_credential(&self.keyring, self.workspace, id).await {
            Ok(opened) => opened,
            Err(store::Error::NotFound(_)) => return Err(missing()),
            Err(store::Error::Unavailable(_)) => {
                return Err(NodeError::transient(
                    "the credential cannot be read: the database does not answer",
                ));
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, credential.id = %id, "it does not open");
                return Err(NodeError::permanent(format!(
                    "credential \"{}\" cannot be decrypted; create it again",
                    named.name
                )));
            }
        };
        if stored.kind != kind {
            return Err(NodeError::permanent(format!(
                "credential \"{}\" is of type {}, and node \"{}\" needs {kind}; choose another one",
                stored.name, stored.kind, node.name
            )));
        }
        match Value::from_json(secret.expose()) {
            Ok(Value::Object(fields)) => Ok(Credential::new(kind, fields)),
            _ => Err(NodeError::permanent(format!(
                "credential \"{}\" is damaged; create it again",
                stored.name
            ))),
        }
    }
}

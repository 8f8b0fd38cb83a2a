//! The first person: whoever has the one-time token becomes the owner, once.

use std::sync::atomic::{AtomicBool, Ordering};

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use model::Problem;
use model::ids::{UserId, WorkspaceId};
use model::validate::Code;
use tokio::sync::Semaphore;

use crate::access::Permissions;
use crate::app::App;
use crate::error::{Error, Result};
use crate::keys::{self, Token};
use crate::secrets::{Purpose, RootKey, random, random_text};

/// Hashing takes 46 MiB: this many at the same time.
static HASHERS: Semaphore = Semaphore::const_new(2);

/// Whether the instance is set up, and what it takes.
pub(crate) struct Setup {
    /// Only its tag, so that the token itself is nowhere.
    token: [u8; 32],
    done: AtomicBool,
}

impl Setup {
    pub(crate) fn new(key: &RootKey, token: &str) -> Self {
        Self { token: key.tag(Purpose::Setup, &[token.as_bytes()]), done: AtomicBool::new(false) }
    }
}

/// Who becomes the owner.
pub struct NewOwner {
    /// The token from the console.
    pub token: String,
    /// Their address.
    pub email: String,
    /// What to call them.
    pub name: String,
    /// Their password.
    pub password: String,
}

/// The owner, and a key that may do everything. The key is told once.
pub struct Owner {
    /// The person.
    pub user: UserId,
    /// Their workspace.
    pub workspace: WorkspaceId,
    /// A key that may do everything.
    pub key: Token,
}

/// A token for an instance whose operator chose none.
pub fn generate_token() -> String {
    random_text(32)
}

/// Whether the instance has an owner. Once it has one it always will.
pub async fn is_set_up(app: &App) -> Result<bool> {
    if app.setup.done.load(Ordering::Relaxed) {
        return Ok(true);
    }
    let done = app.store.is_set_up().await?;
    app.setup.done.fetch_or(done, Ordering::Relaxed);
    Ok(done)
}

/// Creates the owner, a workspace and a key, in one transaction that succeeds once.
pub async fn set_up(app: &App, owner: NewOwner) -> Result<Owner> {
    if is_set_up(app).await? {
        return Err(Error::Conflict("this instance is set up already; ask its owner for an API key".into()));
    }
    if !app.key.verify(Purpose::Setup, &[owner.token.as_bytes()], &app.setup.token) {
        return Err(Error::invalid(
            Problem::error("token", Code::Range, "this is not the setup token")
                .fix("use the one from the console of the server, or RUNNEL_SETUP_TOKEN"),
        ));
    }
    check(&owner)?;
    let password_hash = hash(owner.password).await?;
    let (token, key) = keys::new_key(app, "owner", Permissions::ALL, None);
    let setup = store::setup::Setup {
        email: owner.email,
        name: owner.name,
        password_hash,
        workspace: "Default".into(),
        slug: "default".into(),
        key,
    };
    let store::setup::Owner { user, workspace, .. } = app.store.set_up(setup).await?;
    app.setup.done.store(true, Ordering::Relaxed);
    tracing::info!(%user, %workspace, "the instance was set up");
    Ok(Owner { user, workspace, key: token })
}

fn check(owner: &NewOwner) -> Result<()> {
    let mut problems = Vec::new();
    let mut refuse = |path: &str, message: &str| problems.push(Problem::error(path, Code::Range, message));
    let is_address = owner.email.len() <= 254
        && !owner.email.chars().any(|char| char.is_whitespace() || char.is_control())
        && owner.email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.len() >= 3);
    if !is_address {
        refuse("email", "this is no e-mail address");
    }
    if owner.name.trim().is_empty() || owner.name.chars().count() > 200 {
        refuse("name", "a name has 1 to 200 characters");
    }
    if owner.name.chars().any(char::is_control) {
        refuse("name", "a name has no control characters");
    }
    if !(12..=1024).contains(&owner.password.chars().count()) {
        refuse("password", "a password has 12 to 1024 characters");
    }
    match problems.as_slice() {
        [] => Ok(()),
        [first, ..] => Err(Error::Invalid { message: first.to_string(), problems }),
    }
}

/// Argon2id with m = 46 MiB, t = 1, p = 1.
async fn hash(password: String) -> Result<String> {
    let _place = HASHERS.acquire().await.map_err(Error::internal)?;
    let hashing = tokio::task::spawn_blocking(move || {
        let params = Params::new(46 << 10, 1, 1, None).map_err(|error| error.to_string())?;
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = hasher.hash_password_with_salt(password.as_bytes(), &random::<16>());
        hash.map(|hash| hash.to_string()).map_err(|error| error.to_string())
    });
    hashing.await.map_err(Error::internal)?.map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(email: &str, name: &str, password: &str) -> Vec<String> {
        let (token, email) = (String::new(), email.to_owned());
        match check(&NewOwner { token, email, name: name.into(), password: password.into() }) {
            Ok(()) => Vec::new(),
            Err(Error::Invalid { problems, .. }) => {
                problems.into_iter().map(|problem| problem.path).collect()
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn every_wrong_field_is_named() {
        assert_eq!(problems("ada@example.com", "Ada", "correct horse battery"), Vec::<String>::new());
        assert_eq!(problems("ada", "  ", "short"), ["email", "name", "password"]);
        assert_eq!(problems("a da@example.com", "A\u{1b}[31m", "correct horse battery"), ["email", "name"]);
    }

    #[tokio::test]
    async fn a_password_is_kept_as_argon2id() {
        let hash = hash("correct horse battery".into()).await.expect("hashing works");
        assert!(hash.starts_with("$argon2id$v=19$m=47104,t=1,p=1$"), "{hash}");
    }
}

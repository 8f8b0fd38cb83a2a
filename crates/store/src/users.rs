//! People.

use std::fmt;

use jiff::Timestamp;
use model::ids::UserId;

use crate::db::{Expects, Row, Scope, Statement, params};
use crate::error::Result;
use crate::store::Store;

/// A person.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// The hash of their password, for those who have one.
    pub password_hash: Option<String>,
    /// Whether they run the instance.
    pub is_instance_admin: bool,
    /// Whether they may sign in.
    pub is_active: bool,
    /// Since when.
    pub created_at: Timestamp,
}

impl fmt::Debug for User {
    // Without the hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("id", &self.id).finish_non_exhaustive()
    }
}

impl User {
    fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            email: row.get(1)?,
            name: row.get(2)?,
            password_hash: row.get(3)?,
            is_instance_admin: row.get(4)?,
            is_active: row.get(5)?,
            created_at: row.get(6)?,
        })
    }
}

impl Store {
    /// A person.
    pub async fn user(&self, id: UserId) -> Result<User> {
        let row = self.db.row(
            Scope::Instance,
            "user",
            "SELECT id, email, name, password_hash, is_instance_admin, is_active, created_at FROM users
              WHERE id = $1",
            params![id],
        );
        User::read(&row.await?)
    }

    /// The person with this address, upper and lower case alike.
    pub async fn find_user(&self, email: &str) -> Result<Option<User>> {
        let rows = self.db.rows(
            Scope::Instance,
            "SELECT id, email, name, password_hash, is_instance_admin, is_active, created_at FROM users
              WHERE lower(email) = lower($1)",
            params![email],
        );
        rows.await?.first().map(User::read).transpose()
    }

    /// Replaces the hash of a person's password.
    pub async fn set_password_hash(&self, id: UserId, hash: &str) -> Result<()> {
        let set = Statement::new(
            "UPDATE users SET password_hash = $1, updated_at = $2 WHERE id = $3",
            params![hash, Timestamp::now(), id],
        );
        self.db.transaction(Scope::Instance, vec![set.expects(Expects::Found("user"))]).await.map(drop)
    }
}

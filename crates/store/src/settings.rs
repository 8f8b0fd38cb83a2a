//! Settings of the instance: one JSON value per name.

use jiff::Timestamp;

use crate::db::{Scope, Statement, params};
use crate::error::Result;
use crate::store::Store;

impl Store {
    /// A setting, as JSON.
    pub async fn setting(&self, key: &str) -> Result<Option<String>> {
        let rows =
            self.db.rows(Scope::Instance, "SELECT value FROM app_settings WHERE key = $1", params![key]);
        rows.await?.first().map(|row| row.get(0)).transpose()
    }

    /// Sets a setting to this JSON.
    pub async fn set_setting(&self, key: &str, value: &str) -> Result<()> {
        let set = Statement::new(
            "INSERT INTO app_settings (key, value, updated_at) VALUES ($1, $2, $3)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
            params![key, value, Timestamp::now()],
        );
        self.db.transaction(Scope::Instance, vec![set]).await.map(drop)
    }
}

//! Identities: UUIDs of version 7, each its own type so that they cannot be mixed up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A time-ordered id from a millisecond timestamp and 10 random bytes, both given by the caller.
            pub fn new(unix_ms: u64, random: [u8; 10]) -> Self {
                Self(uuid::Builder::from_unix_timestamp_millis(unix_ms, &random).into_uuid())
            }

            /// The 16 bytes.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The id with these bytes.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    )*};
}

ids! {
    /// A tenant.
    WorkspaceId
    /// A workflow.
    WorkflowId
    /// An immutable published graph of a workflow.
    VersionId
    /// A node of a published workflow that starts executions.
    TriggerId
    /// The address of a webhook: 128 bits that nobody can guess.
    RouteId
    /// One durable run.
    ExecutionId
    /// Something that somebody wants of an execution.
    SignalId
    /// A process that runs executions.
    WorkerId
    /// A person.
    UserId
    /// A key of the API.
    ApiKeyId
    /// A named, encrypted set of secrets.
    CredentialId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_ids_sort_after_earlier_ones() {
        let early = ExecutionId::new(1_000, [255; 10]);
        let late = ExecutionId::new(1_001, [0; 10]);
        assert!(early < late);
        assert_eq!(early.to_string().parse(), Ok(early));
    }
}

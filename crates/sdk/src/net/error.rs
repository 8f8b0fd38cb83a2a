//! Why a request got no answer.

use std::net::IpAddr;
use std::time::Duration;

use crate::error::NodeError;

/// Why a request got no answer. A status of 400 and more is an answer, not an error. Texts name hosts, never whole
/// addresses: a query may carry a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The request cannot be sent as it is.
    #[error("{0}")]
    Invalid(String),
    /// The host stands for an address that users' work may not reach.
    #[error(
        "address {address} of \"{host}\" is {what}; add it to trusted_networks in the settings of this instance to allow it"
    )]
    Blocked {
        /// The host as the request names it.
        host: String,
        /// What it stands for.
        address: IpAddr,
        /// What that address is, such as `loopback`.
        what: &'static str,
    },
    /// A redirect that is not followed.
    #[error("{0}")]
    Redirect(String),
    /// The answer is larger than a limit.
    #[error("the answer of \"{host}\" {what}")]
    TooLarge {
        /// Who answered.
        host: String,
        /// Which limit.
        what: String,
    },
    /// No connection.
    #[error("no connection to \"{host}\": {reason}")]
    Unreachable {
        /// The host.
        host: String,
        /// Why.
        reason: Unreachable,
    },
    /// The certificate of the host does not prove its name.
    #[error("the certificate of \"{host}\" is not valid: {reason}")]
    Certificate {
        /// The host.
        host: String,
        /// Why.
        reason: String,
    },
    /// It took too long.
    #[error("\"{host}\" did not answer within {} ms", limit.as_millis())]
    TimedOut {
        /// The host.
        host: String,
        /// The time allowed.
        limit: Duration,
    },
    /// The connection broke, or what came over it is not HTTP.
    #[error("the connection to \"{host}\" broke: {reason}")]
    Broken {
        /// The host.
        host: String,
        /// How.
        reason: String,
    },
    /// Somebody cancelled the execution.
    #[error("the request was cancelled")]
    Cancelled,
    /// The mocks of a test have no answer.
    #[error("{0}")]
    Mock(String),
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// The name has no address.
    NotFound,
    /// The host refuses.
    Refused,
    /// Nothing came back in time.
    TimedOut,
    /// Anything else, as the system says it.
    Other(String),
}

impl Unreachable {
    /// The word that Node.js has for it, which people look for.
    pub fn code(&self) -> &'static str {
        match self {
            Unreachable::NotFound => "ENOTFOUND",
            Unreachable::Refused => "ECONNREFUSED",
            Unreachable::TimedOut => "ETIMEDOUT",
            Unreachable::Other(_) => "ECONNRESET",
        }
    }
}

impl std::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Unreachable::NotFound => "the name has no address; check its spelling",
            Unreachable::Refused => "it refuses connections; check the port, and whether the service runs",
            Unreachable::TimedOut => "it does not answer in time",
            Unreachable::Other(reason) => reason,
        })
    }
}

impl Error {
    /// Whether another try may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Error::Unreachable { .. } | Error::TimedOut { .. } | Error::Broken { .. })
    }

    /// The word that Node.js has for it, which people look for; none when it has no such word.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Error::Unreachable { reason, .. } => Some(reason.code()),
            Error::TimedOut { .. } => Some("ECONNABORTED"),
            Error::Broken { .. } => Some("ECONNRESET"),
            _ => None,
        }
    }
}

impl From<Error> for NodeError {
    fn from(error: Error) -> Self {
        match &error {
            Error::Cancelled => NodeError::cancelled(),
            _ if error.is_transient() => NodeError::transient(error.to_string()),
            _ => NodeError::permanent(error.to_string()),
        }
    }
}

//! Runs untrusted JavaScript outside the host process.
//!
//! [`Sandbox`] is a pool of warm child processes. One step of a workflow is one [`CodeRequest`]; the child runs it in a
//! QuickJS runtime of its own, made for that step and thrown away after it. What the code needs from outside (the data
//! of other nodes, an HTTP request, a file) it asks the host for, through [`CodeHost`].
//!
//! | Module | Holds |
//! |---|---|
//! | [`request`] | what goes in, what comes out, the questions code may ask |
//! | `pool`, `session` | the host's side: children, and one conversation with one of them |
//! | `runner` | [`sdk::code::CodeRunner`]: answers code from the step it runs in |
//! | `items` | items as n8n's code sees them, and the rules for what code may return |
//! | `wire` | the frames between host and child |
//! | `child` | the child's side: runtime, native helpers, walls; `src/js` is what code sees |
//!
//! Deliberately absent: network, files, credentials and environment in the child; Python and Wasm.

pub mod child;
mod items;
mod pool;
pub mod request;
mod runner;
mod session;
mod wire;

pub use child::child_main;
pub use pool::Sandbox;
pub use request::{
    Answer, Clock, CodeError, CodeHost, CodeRequest, CodeResult, Config, Contract, ErrorKind, HostError,
    Level, Limits, LogLine, NodeQuery, Question, StaticData,
};

//! The expression language: text -> tree -> value.
//!
//! [`Template::parse`] splits a text at `{{ }}` and turns every part into a tree; [`Template::eval`] walks the trees
//! for one item and gives a [`Value`]. What an expression can see comes through a [`Scope`]; what it may use up is in
//! [`Limits`]. The language is a closed subset of JavaScript expressions with n8n's helpers and extension methods.
//!
//! - `template`, `parse`, `lower`, `tree`: from text to our own tree, once per version of a workflow.
//! - `eval`: the interpreter.
//! - `builtins`, `date`, `number`, `regexp`: JavaScript's own objects. [`luxon`]: `DateTime` and its relatives.
//! - `extensions`: the methods n8n adds to every type.
//!
//! Deliberately absent: I/O, threads, the clock, randomness, and any knowledge of workflows.

mod builtins;
mod date;
mod error;
mod eval;
mod extensions;
mod globals;
mod limits;
mod lower;
pub mod luxon;
mod number;
mod query;
mod regexp;
mod scope;
mod template;
#[cfg(test)]
mod testing;
mod text;
mod tree;
pub mod value;

pub use date::parse as parse_date;
pub use error::{Error, ErrorKind, Limit, ParseError};
pub use eval::Cx;
pub use extensions::read_date;
pub use limits::Limits;
pub use model::Text;
pub use regexp::Pattern;
pub use scope::{Host, Scope};
pub use template::Template;
pub use value::{Array, Class, Function, Native, Object, Value};

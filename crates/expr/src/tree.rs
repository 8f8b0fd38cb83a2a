//! The tree that is interpreted.

use model::Text;

/// A function written in the expression.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: Text,
    pub(crate) arity: usize,
}

//! The list of all node types. A new node is one line here.

use sdk::{Catalogue, NodeType};

use crate::limit;
use crate::n8n::Unsupported;

/// Every node type that comes with the product.
pub fn catalogue() -> Catalogue {
    Catalogue::new([NodeType::of::<limit::Limit>().with_n8n(limit::N8N), NodeType::of::<Unsupported>()])
}

//! What the product does: one module per resource, permissions included.
//!
//! Deliberately absent: HTTP types and SQL.

//! The nodes that come with the product, and what each foreign node becomes.
//!
//! One file is one node: its parameters, what it does, which n8n nodes it stands for, its tests. [`catalogue`] lists
//! them all, one line each; `tests/compliance.rs` holds every line to the same promises.
//! Files without a node hold what several share: `path` (dotted paths into data), `convert` (values to a wanted type),
//! `compare` (their order), `condition` (tests on them), `moment` (dates as points in time), `loose_json` (JSON as
//! people write it), `json_text` (JSON with expressions inside), `names` (lists of fields).
//! Deliberately absent: the order in which nodes run, storage, and sockets; a node sees the world through
//! [`sdk::Context`] only.

pub mod aggregate;
mod catalogue;
pub mod code;
pub mod compare;
pub mod compare_datasets;
pub mod condition;
pub mod convert;
pub mod date_time;
pub mod execute_workflow;
pub mod filter;
pub mod function;
pub mod function_item;
pub mod http_request;
pub mod if_node;
pub mod item_lists;
pub mod json_text;
pub mod limit;
pub mod loop_over_items;
pub mod loose_json;
pub mod merge;
mod moment;
pub mod n8n;
pub mod names;
pub mod no_op;
pub mod note;
pub mod path;
pub mod remove_duplicates;
pub mod rename_keys;
pub mod respond_to_webhook;
pub mod set;
pub mod sort;
pub mod split_out;
pub mod stop_and_error;
pub mod summarize;
pub mod switch;
pub mod triggers;
pub mod wait;

pub use catalogue::catalogue;

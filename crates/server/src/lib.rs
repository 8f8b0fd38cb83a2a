//! Serves HTTP: the API, inbound webhooks, live updates, health and metrics.
//!
//! Deliberately absent: decisions. A handler extracts, calls one function of `app` or `engine`, and shapes the answer.

//! The server as its operators see it: the real program, started, stopped, killed, looked after.

mod backups;
mod doctor;
mod documents;
mod drain;
mod life;
mod settings;
mod support;

//! What can be asked on the command line.

use clap::{Parser, Subcommand};

/// Workflow automation that keeps what it was given.
#[derive(Debug, Parser)]
#[command(
    name = "runnel",
    version,
    about = "Workflow automation that keeps what it was given",
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a workflow file.
    Exec(crate::exec::Args),
    /// Run workflow test cases.
    Test(crate::test::Args),
    /// Check a workflow file without running it.
    Validate(crate::validate::Args),
    /// Turn n8n workflows into ours, with a report of what became of every node.
    Import(crate::import::Args),
    /// Turn a workflow into another format.
    Export(crate::export::Args),
    /// Serve the API and webhooks, and run executions.
    Serve(crate::serve::Args),
    /// Become the owner of an instance, from the machine it runs on.
    Setup(crate::setup::Args),
    /// Show or bring up to date the schema of a database.
    Migrate(crate::migrate::Args),
    /// Look for what is wrong with an instance, and say what to do about it.
    Doctor(crate::doctor::Args),
    /// Copy an instance into a folder while it goes on.
    Backup(crate::backup::BackupArgs),
    /// Read a backup back and compare it with what was written.
    Verify(crate::backup::VerifyArgs),
    /// Put a backup into an empty place.
    Restore(crate::backup::RestoreArgs),
    /// Ask a server on this machine whether it is ready.
    Ready(crate::ready::Args),
    /// Run people's code; started by this program itself.
    #[command(name = crate::world::SANDBOX_COMMAND, hide = true)]
    SandboxChild,
}

/// A time limit, for the parser of arguments.
pub(crate) fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if seconds > 0.0 && seconds <= 1e9 => Ok(seconds),
        _ => Err("a number of seconds above 0 is needed".to_owned()),
    }
}

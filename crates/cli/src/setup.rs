//! `runnel setup`: makes somebody the owner of an instance, from the machine it runs on.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Context as _, bail};
use app::setup::NewOwner;
use serde_json::json;

use crate::config::{Config, DataFlags};
use crate::product;
use crate::{Exit, print, world};

/// Arguments of `setup`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The owner's e-mail address.
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// What to call them.
    #[arg(long)]
    name: String,
    /// File that holds the password; without it the password is read from standard input.
    #[arg(long, value_name = "FILE")]
    password_file: Option<std::path::PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: DataFlags,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let config = Config::load(&args.flags)?;
    let password = password(args)?;
    world::runtime()?.block_on(set_up(args, &config, password))
}

async fn set_up(args: &Args, config: &Config, password: String) -> anyhow::Result<Exit> {
    let token = app::setup::generate_token();
    let product = product::open(config, "http://localhost/".to_owned(), token.clone()).await?;
    let owner = NewOwner { token, email: args.email.clone(), name: args.name.clone(), password };
    let owner = app::setup::set_up(&product.app, owner).await?;
    let key = owner.key.expose();
    if args.json {
        let answer = json!({
            "user_id": owner.user.to_string(),
            "workspace_id": owner.workspace.to_string(),
            "api_key": key,
        });
        print::json(&answer)?;
    } else {
        print::line(&format!("{} is the owner now. The API key, shown this once:\n\n  {key}", args.email))?;
    }
    Ok(Exit::Completed)
}

/// Not an option: everybody on a machine can see the command lines of all processes.
fn password(args: &Args) -> anyhow::Result<String> {
    if let Some(file) = &args.password_file {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("--password-file: {} cannot be read", file.display()))?;
        return Ok(text.trim_end_matches(['\r', '\n']).to_owned());
    }
    let input = std::io::stdin();
    if input.is_terminal() {
        // Shown while it is typed, which is said before.
        let mut screen = std::io::stderr();
        write!(screen, "Password (visible while you type, at least 12 characters): ")?;
        screen.flush()?;
    }
    let mut line = String::new();
    input.lock().read_line(&mut line).context("the password cannot be read from standard input")?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        bail!("a password is needed: on standard input, or in the file that --password-file names");
    }
    Ok(password.to_owned())
}

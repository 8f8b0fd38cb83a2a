//! `runnel setup`: makes somebody the owner of an instance, from the machine it runs on.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Context as _, bail};
use app::access::{Actor, Permissions};
use app::setup::NewOwner;
use app::{App, workflows};
use model::Order;
use serde_json::json;

use crate::config::{Config, DataFlags};
use crate::product;
use crate::{Exit, files, print, world};

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
    /// A workflow file to publish in the new workspace, ours or n8n's.
    #[arg(long, value_name = "FILE")]
    workflow: Option<std::path::PathBuf>,
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
    let catalogue = nodes::catalogue();
    // Read before anything is made, so that a wrong name leaves nothing half done.
    let file = args.workflow.as_deref().map(|file| files::load(file, &catalogue, Order::Sequential));
    let workflow = file.transpose()?.map(|loaded| loaded.workflow);
    let public_url =
        config.http.public_url.as_ref().map_or("http://localhost/".to_owned(), ToString::to_string);
    let product = product::open(config, public_url, token.clone()).await?;
    let owner = NewOwner { token, email: args.email.clone(), name: args.name.clone(), password };
    let owner = app::setup::set_up(&product.app, owner).await?;
    let webhook = match workflow {
        Some(workflow) => {
            let actor = Actor::new(owner.workspace, owner.user, None, Permissions::ALL);
            publish(&product.app, &actor, workflow).await?
        }
        None => None,
    };
    let key = owner.key.expose();
    if args.json {
        let answer = json!({
            "user_id": owner.user.to_string(),
            "workspace_id": owner.workspace.to_string(),
            "api_key": key,
            "webhook": webhook,
        });
        print::json(&answer)?;
        return Ok(Exit::Completed);
    }
    print::line(&format!("{} is the owner now. The API key, shown this once:\n\n  {key}", args.email))?;
    if let Some(webhook) = webhook {
        print::line(&format!(
            "\nThe workflow is published; below the address of the server it waits at {webhook}"
        ))?;
    }
    Ok(Exit::Completed)
}

/// Publishes a workflow. Gives the path of its first webhook, if it has one.
async fn publish(app: &App, actor: &Actor, workflow: model::Workflow) -> anyhow::Result<Option<String>> {
    let stored = workflows::create_workflow(app, actor, workflow).await?;
    workflows::publish_workflow(app, actor, stored.head.id, None).await?;
    let (_, routes) = workflows::list_triggers(app, actor, stored.head.id).await?;
    let route = routes.iter().find(|route| !route.is_test);
    Ok(route.map(|route| {
        let id: String = route.id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("/hooks/{id}")
    }))
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

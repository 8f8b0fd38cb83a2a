//! `runnel backup`, `runnel verify` and `runnel restore`.

use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::json;
use store::Store;
use store::backup::{self, Manifest};

use crate::config::{Config, DataFlags};
use crate::print::{self, Paint, count};
use crate::{Exit, bucket, open, world};

/// Arguments of `backup`.
#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {
    /// The folder it is written to: a new or an empty one.
    folder: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: DataFlags,
}

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// The folder of the backup.
    folder: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Arguments of `restore`.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// The folder of the backup.
    folder: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: DataFlags,
}

/// Writes a backup while the server goes on.
pub(crate) fn backup(args: &BackupArgs) -> anyhow::Result<Exit> {
    let config = Config::load(&args.flags)?;
    let manifest = world::runtime()?.block_on(async {
        let store_config = open::store_config(&config.data);
        let store =
            Store::open_to_look(store_config.clone()).await.with_context(|| open::described(&config.data))?;
        let store = match &config.data.bucket {
            Some(bucket) => store.with_objects(bucket::open(bucket)?),
            None => store,
        };
        anyhow::Ok(backup::backup(&store, &store_config, &args.folder).await?)
    })?;
    if args.json {
        print::json(&manifest)?;
    } else {
        print::line(&format!("{} in {}", described(&manifest), args.folder.display()))?;
        print::line(&format!(
            "The key file {} is not part of it. Keep a copy elsewhere: without it the secrets in the backup cannot be read.",
            open::shown(&config.data.key_file)
        ))?;
        for path in &manifest.missing {
            print::line(&format!(
                "{} {path}: the database refers to it, and it was not there",
                Paint::stdout().red("missing")
            ))?;
        }
    }
    Ok(if manifest.missing.is_empty() { Exit::Completed } else { Exit::Failed })
}

/// Reads a backup back and compares it with what was written.
pub(crate) fn verify(args: &VerifyArgs) -> anyhow::Result<Exit> {
    let problems = world::runtime()?.block_on(backup::verify(&args.folder))?;
    if args.json {
        print::json(&json!({ "valid": problems.is_empty(), "problems": problems }))?;
    } else if problems.is_empty() {
        print::line(&format!(
            "{}: all of it is there and unchanged",
            described(&backup::manifest(&args.folder)?)
        ))?;
    } else {
        for problem in &problems {
            print::line(&format!("{} {problem}", Paint::stdout().red("problem")))?;
        }
    }
    Ok(if problems.is_empty() { Exit::Completed } else { Exit::Failed })
}

/// Puts a backup into an empty place.
pub(crate) fn restore(args: &RestoreArgs) -> anyhow::Result<Exit> {
    let config = Config::load(&args.flags)?;
    let manifest = world::runtime()?
        .block_on(backup::restore(&args.folder, &open::store_config(&config.data)))
        .with_context(|| open::described(&config.data))?;
    if args.json {
        print::json(&manifest)?;
        return Ok(Exit::Completed);
    }
    print::line(&format!("{} restored to {}", described(&manifest), open::described(&config.data)))?;
    if !config.data.key_file.exists() {
        print::line(&format!(
            "Put your copy of the key file at {} (mode 600), then run: runnel doctor",
            open::shown(&config.data.key_file)
        ))?;
    }
    Ok(Exit::Completed)
}

fn described(manifest: &Manifest) -> String {
    let bytes: u64 = manifest.files.iter().map(|file| file.size).sum();
    let size = bytes as f64 / f64::from(1 << 20);
    format!("backup of {}: {}, {size:.1} MiB", manifest.created_at, count(manifest.files.len(), "file"))
}

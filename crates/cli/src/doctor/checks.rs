//! The checks, in the order in which one depends on the other.

use app::RootKey;
use sandbox::Sandbox;
use store::Store;

use super::{Finding, disk, refold};
use crate::config::{Config, DataConfig, key};
use crate::{open, product, world};

/// Broken things that are named of one kind.
const NAMED: usize = 5;

/// Runs all checks that can run.
pub(super) async fn all(config: &Config, executions: usize, deep: bool) -> Vec<Finding> {
    let mut findings = disk::check(&config.data.folder);
    findings.push(sandbox().await);
    let store = match open_to_look(&config.data).await {
        Ok(store) => store,
        Err(error) => {
            let fix = "start the database, or correct data or database_url";
            findings.push(Finding::problem("database", format!("{error:#}"), fix));
            return findings;
        }
    };
    findings.push(schema(&config.data).await);
    findings.push(database(&store, &config.data).await);
    findings.push(key_file(&store, &config.data).await);
    findings.push(stuck(&store).await);
    findings.push(blobs(&store, deep).await);
    // Folding a journal needs no secrets.
    findings.push(match product::engine(config, &store, &RootKey::new([0; 32]), "http://localhost/") {
        Ok(engine) => refold::check(&store, &engine, executions).await,
        Err(error) => failed("journals", &error),
    });
    findings
}

async fn open_to_look(config: &DataConfig) -> anyhow::Result<Store> {
    let store = Store::open_to_look(open::store_config(config)).await?;
    Ok(match &config.bucket {
        Some(bucket) => store.with_objects(crate::bucket::open(bucket)?),
        None => store,
    })
}

/// The check itself did not work.
pub(super) fn failed(check: &'static str, error: &anyhow::Error) -> Finding {
    Finding::problem(check, format!("this could not be checked: {error:#}"), "mend that and look again")
}

async fn sandbox() -> Finding {
    const CHECK: &str = "sandbox";
    let walls = async {
        let mut config = world::sandbox_config()?;
        config.processes = 1;
        let missing = Sandbox::new(config).warm().await;
        missing.map_err(|error| anyhow::anyhow!("{}", error.message))
    };
    match walls.await {
        Ok(missing) if missing.is_empty() => Finding::ok(CHECK, "code runs behind all its walls"),
        Ok(missing) => Finding::warning(
            CHECK,
            format!("this system lacks walls for code: {}", missing.join(", ")),
            "use Linux 5.13 or newer with landlock and seccomp",
        ),
        Err(error) => failed(CHECK, &error),
    }
}

async fn schema(config: &DataConfig) -> Finding {
    const CHECK: &str = "schema";
    let steps = match store::schema(&open::store_config(config)).await {
        Ok(steps) => steps,
        Err(error) => return failed(CHECK, &error.into()),
    };
    if let Some(newer) = steps.iter().find(|step| !step.is_known) {
        let message = format!("a newer version of Runnel has written this database ({})", newer.name);
        return Finding::problem(
            CHECK,
            message,
            "use that version, or restore a backup from before the upgrade",
        );
    }
    let missing = steps.iter().filter(|step| step.applied_at.is_none()).count();
    if missing > 0 {
        let message = format!("{missing} of {} steps are missing", steps.len());
        return Finding::problem(CHECK, message, "runnel migrate apply");
    }
    Finding::ok(CHECK, format!("all {} steps are applied", steps.len()))
}

async fn database(store: &Store, config: &DataConfig) -> Finding {
    const CHECK: &str = "database";
    match store.check_database().await {
        Ok(problems) if problems.is_empty() => {
            let place = open::described(config);
            Finding::ok(CHECK, format!("{place}: pages, references and indexes are sound"))
        }
        Ok(problems) => {
            let fix =
                "stop the server, keep a copy of what is there, and restore the newest backup that verifies";
            Finding::problem(CHECK, problems.join("; "), fix)
        }
        Err(error) => failed(CHECK, &error.into()),
    }
}

async fn key_file(store: &Store, config: &DataConfig) -> Finding {
    const CHECK: &str = "key";
    const BACK: &str = "put the right key file in its place";
    let path = open::shown(&config.key_file);
    let known = match open::known_fingerprint(store).await {
        Ok(known) => known,
        Err(error) => return failed(CHECK, &error),
    };
    let Some(known) = known else { return Finding::ok(CHECK, "the database was not used with a key yet") };
    match key::read(&config.key_file) {
        Err(error) => Finding::problem(CHECK, format!("{error:#}"), BACK),
        Ok(key) if key.fingerprint() == known => {
            Finding::ok(CHECK, format!("{path} is the key of this database"))
        }
        Ok(key) => {
            let found = key.fingerprint();
            let message = format!("{path} is not the key of this database ({found} instead of {known})");
            Finding::problem(CHECK, message, BACK)
        }
    }
}

async fn stuck(store: &Store) -> Finding {
    const CHECK: &str = "executions";
    match store.stuck_executions().await {
        Ok(stuck) if stuck.is_empty() => {
            Finding::ok(CHECK, "each that has not ended has an owner, a timer or a wait, or is queued")
        }
        Ok(stuck) => {
            let named: Vec<String> = stuck.iter().take(NAMED).map(|(_, id)| id.to_string()).collect();
            let message = format!("{} would never go on: {}", stuck.len(), named.join(", "));
            let fix = "a running server queues them again within a minute; start it, and report this";
            Finding::problem(CHECK, message, fix)
        }
        Err(error) => failed(CHECK, &error.into()),
    }
}

async fn blobs(store: &Store, deep: bool) -> Finding {
    const CHECK: &str = "payloads";
    match store.check_blobs(deep).await {
        Ok((seen, broken)) if broken.is_empty() => {
            let how = if deep { "there and unchanged" } else { "there" };
            Finding::ok(CHECK, format!("all {seen} large ones are {how}"))
        }
        Ok((seen, broken)) => {
            let named: Vec<String> =
                broken.iter().take(NAMED).map(|blob| format!("{} {}", blob.sha256, blob.problem)).collect();
            let message = format!("{} of {seen} large ones are lost: {}", broken.len(), named.join("; "));
            let fix = "copy the missing files from a backup into the folder `blobs`, or the bucket";
            Finding::problem(CHECK, message, fix)
        }
        Err(error) => failed(CHECK, &error.into()),
    }
}

//! An execution that kills every process that touches it. Nothing in the program is made for this: the sink that its
//! step calls kills the caller.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::super::check::{Evidence, check};
use super::super::client::{Aim, Client};
use super::super::report::Verdict;
use super::super::stage::Stage;
use super::super::{Database, Options};
use crate::http::{Connection, request};
use crate::workflows::poison;

/// How often it may kill before it is put aside.
const DEATHS: usize = 3;

/// Lets one poisoned execution loose among others.
pub(super) async fn pill(options: &Options) -> Result<Verdict> {
    let database = options.database.unwrap_or(Database::Sqlite);
    let mut stage = Stage::plan(options, database).play("d1").await?;
    let pill = stage.publish(poison).await?;
    let client =
        Client::start(Aim { addresses: stage.addresses(), hook: stage.hook(), prefix: "", rate: 50.0 });
    let mut lives = Vec::new();
    let mut begin = Instant::now();
    let body = json!({ "id": "pill" }).to_string();
    let mut connection = Connection::open(stage.addresses()[0]).await?;
    connection.exchange(&request("POST", &pill.hook, &[], Some(body.as_bytes()))).await?;
    let mut deaths = 0;
    // A lease that its owner cannot renew any more ends after 10 s.
    while let Ok(call) = timeout(Duration::from_secs(25), stage.poisoned()).await {
        call.context("the sink ended")?;
        lives.push((begin, Instant::now()));
        stage.kill(0)?;
        deaths += 1;
        if deaths > 2 * DEATHS {
            break;
        }
        stage.start(0).await?;
        begin = Instant::now();
    }
    let requests = client.stop().await?;
    let pills = stage.told(&pill.id).await?;
    let told = stage.settle().await?;
    lives.push((begin, Instant::now()));
    let (delay, allowed) = (Duration::from_secs(2), Duration::from_secs(12));
    let findings = check(&Evidence { requests, effects: stage.effects(), told, lives, delay, allowed });
    let mut verdict = Verdict::of(format!("poison pill, {}", database.name()), &findings);
    verdict.fact("deaths by the pill", deaths as f64);
    verdict.expect("a pill kills at most three times", deaths <= DEATHS, deaths.to_string());
    let failed = pills.len() == 1 && pills[0].status == "failed";
    verdict.expect("the pill ends as failed", failed, format!("{pills:?}"));
    Ok(verdict)
}

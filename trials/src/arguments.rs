//! What the command line asks for.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::{bench, chaos};

/// What is to be done.
pub(crate) enum Task {
    Bench(bench::Options),
    Chaos(chaos::Options),
}

/// The words of the command line, sorted.
pub(crate) struct Arguments {
    task: String,
    flags: Vec<String>,
    values: Vec<(String, String)>,
}

/// Options that stand alone.
const FLAGS: [&str; 3] = ["--json", "--long", "--short"];

impl Arguments {
    pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut words = words.into_iter();
        let task = words.next().unwrap_or_default();
        let (mut flags, mut values) = (Vec::new(), Vec::new());
        while let Some(word) = words.next() {
            if FLAGS.contains(&word.as_str()) {
                flags.push(word);
            } else if word.starts_with("--") {
                let value = words.next().with_context(|| format!("{word} needs a value"))?;
                values.push((word, value));
            } else {
                bail!("what is \"{word}\"? Options start with --");
            }
        }
        Ok(Self { task, flags, values })
    }

    pub(crate) fn task(mut self) -> Result<Task> {
        let program: PathBuf =
            self.take("--program").context("--program PATH says which program to drive")?.into();
        let task = match self.task.as_str() {
            "bench" => Task::Bench(bench::Options {
                program,
                only: self.take("--only"),
                long: self.flag("--long"),
                json: self.flag("--json"),
            }),
            "chaos" => Task::Chaos(self.chaos(program)?),
            other => bail!("there is no task \"{other}\"; there are bench and chaos"),
        };
        let rest: Vec<_> = self.values.iter().map(|(name, _)| name).chain(&self.flags).collect();
        if let Some(unknown) = rest.first() {
            bail!("{} takes no {unknown}", self.task);
        }
        Ok(task)
    }

    fn chaos(&mut self, program: PathBuf) -> Result<chaos::Options> {
        let (long, short) = (self.flag("--long"), self.flag("--short"));
        let kills = match self.take("--kills") {
            Some(number) => number.parse().context("--kills needs a number")?,
            None if long => 1_000,
            None if short => 5,
            None => 50,
        };
        let seed = match self.take("--seed") {
            Some(number) => number.parse().context("--seed needs a number")?,
            None => fastrand::u64(..),
        };
        let database = self.take("--database").map(|name| chaos::Database::parse(&name)).transpose()?;
        let (fault, json) = (self.take("--fault"), self.flag("--json"));
        Ok(chaos::Options { program, kills, database, fault, long, short, seed, json })
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let index = self.values.iter().position(|(known, _)| known == name)?;
        Some(self.values.remove(index).1)
    }

    fn flag(&mut self, name: &str) -> bool {
        let index = self.flags.iter().position(|known| known == name);
        index.map(|index| self.flags.remove(index)).is_some()
    }
}

//! Nodes that leave a mark outside, so that a test can count what really happened.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sdk::prelude::*;
use sdk::{Catalogue, NodeType};
use testkit::nodes::{Called, OnFailure, Step, Trigger, Unsafe};

/// The type of [`Mark`].
pub(crate) const MARK: &str = "test.mark";

static MARKS: Mutex<Option<HashMap<String, Vec<String>>>> = Mutex::new(None);

/// What happened outside at this place, in order: `node#attempt`.
pub(crate) fn marks(place: &str) -> Vec<String> {
    let marks = MARKS.lock().unwrap_or_else(PoisonError::into_inner);
    marks.as_ref().and_then(|marks| marks.get(place).cloned()).unwrap_or_default()
}

fn leave(place: &str, mark: String) {
    let mut marks = MARKS.lock().unwrap_or_else(PoisonError::into_inner);
    marks.get_or_insert_default().entry(place.to_owned()).or_default().push(mark);
}

/// Leaves a mark and passes its items on.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Mark {
    /// Where.
    pub(crate) place: String,
    /// `pure`, `idempotent`, `keyed` or `unsafe`.
    #[serde(default)]
    pub(crate) effect: String,
    /// How long it takes after the mark, in milliseconds.
    #[serde(default)]
    pub(crate) takes: u64,
    /// Whether it looks whether it should stop.
    #[serde(default)]
    pub(crate) stubborn: bool,
    /// Answers the call that started the execution.
    #[serde(default)]
    pub(crate) answer: Option<String>,
    /// How many attempts fail after the mark.
    #[serde(default)]
    pub(crate) fails: u32,
    /// Fails unless the items have a member of this name.
    #[serde(default)]
    pub(crate) requires: Option<String>,
}

impl Node for Mark {
    const KIND: Kind = Kind::new(MARK, 1);
    const TITLE: &'static str = "Mark";
    const GROUP: Group = Group::Action;
    const EXAMPLES: &'static [Example] = &[];

    fn effect(&self) -> Effect {
        match self.effect.as_str() {
            "idempotent" => Effect::Idempotent,
            "keyed" => Effect::Keyed,
            "unsafe" => Effect::Unsafe,
            _ => Effect::Pure,
        }
    }

    async fn run(&self, ctx: &Context, inputs: &Inputs) -> Result<Output, NodeError> {
        leave(&self.place, format!("{}#{}", ctx.node.key, ctx.attempt));
        let work = tokio::time::sleep(Duration::from_millis(self.takes));
        match self.stubborn {
            _ if self.takes == 0 => {}
            true => work.await,
            false => ctx.cancel.run_until_cancelled(work).await.ok_or_else(NodeError::cancelled)?,
        }
        if ctx.attempt <= self.fails {
            return Err(NodeError::permanent("broken"));
        }
        if let Some(name) = &self.requires
            && inputs.main().iter().any(|item| item.json.get(name).is_none())
        {
            return Err(NodeError::permanent(format!("{name} is missing")));
        }
        let response = self.answer.as_ref().map(|body| json!({ "status": 200, "body": body.as_str() }));
        Ok(Output::Items(Emission { ports: vec![inputs.main_items()], response, ..Emission::default() }))
    }
}

/// The node types of the test kit, and [`Mark`].
pub(crate) fn catalogue() -> Catalogue {
    Catalogue::new([
        NodeType::of::<Trigger>(),
        NodeType::of::<Called>(),
        NodeType::of::<OnFailure>(),
        NodeType::of::<Step>(),
        NodeType::of::<Unsafe>(),
        NodeType::of::<Mark>(),
    ])
}

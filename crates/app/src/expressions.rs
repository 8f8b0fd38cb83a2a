//! Previews of expressions: the interpreter and the limits of an execution, without one.

use std::sync::Arc;

use engine::Plan;
use expr::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::ids::{ExecutionId, WorkflowId};
use model::validate::Code;
use model::{Item, Items, Object, Problem, Value, Workflow};
use sdk::context::{Context, ExecutionInfo, NodeInfo, Step};
use sdk::history::Sources;
use sdk::{History, Inputs, ItemScope, Mode, Services};
use tokio_util::sync::CancellationToken;

use crate::access::{Actor, Permission};
use crate::app::App;
use crate::error::{Error, Result};
use crate::executions;
use crate::workflows;

/// Longest text of an expression.
const MAX_TEXT: usize = 64 << 10;

/// What to evaluate, and on what.
pub struct Preview {
    /// The text of a parameter; it is an expression when it starts with `=`.
    pub expression: String,
    /// The data it sees.
    pub data: Data,
    /// The key or the name of the node it is a parameter of.
    pub node: Option<String>,
    /// Which item it is evaluated for.
    pub item: usize,
}

/// The data that an expression sees.
pub enum Data {
    /// These items arrive, in an otherwise empty workflow, or in the draft of one.
    Items(Option<WorkflowId>, Vec<Object>),
    /// What arrived at the latest run of the node in this execution.
    Execution(ExecutionId),
}

/// What an expression gives.
#[derive(Debug)]
pub enum Previewed {
    /// A value; `None` is JavaScript's `undefined`.
    Value(Option<Value>),
    /// An error of the expression.
    Error {
        /// What went wrong.
        message: String,
        /// More about it.
        description: Option<String>,
        /// Where in the text, in bytes.
        span: Option<(u32, u32)>,
    },
}

/// Evaluates an expression.
pub async fn preview_expression(app: &App, actor: &Actor, preview: Preview) -> Result<Previewed> {
    actor.require(Permission::Execute)?;
    if preview.expression.len() > MAX_TEXT {
        let message = "an expression has at most 64 KiB here";
        return Err(Error::invalid(Problem::error("expression", Code::TooLarge, message)));
    }
    let scene = match preview.data {
        Data::Items(workflow, items) => {
            scene_of_items(app, actor, workflow, items, preview.node.as_deref()).await?
        }
        Data::Execution(id) => scene_of_execution(app, actor, id, preview.node.as_deref()).await?,
    };
    let Some(text) = preview.expression.strip_prefix('=') else {
        return Ok(Previewed::Value(Some(preview.expression.into())));
    };
    let template = match Template::parse(text) {
        Ok(template) => template,
        Err(error) => {
            let span = Some((error.span.start + 1, error.span.end + 1));
            return Ok(Previewed::Error { message: error.message.to_string(), description: None, span });
        }
    };
    let step = scene.into_step(app);
    let item = preview.item;
    // Its limits let it work for a while.
    let evaluating = tokio::task::spawn_blocking(move || {
        let ctx = Context::new(step, Services::default(), CancellationToken::new());
        let scope = ItemScope::new(&ctx, Some(item));
        match template.eval(&scope, &ctx.services.limits) {
            Ok(value) => Previewed::Value(value.to_data()),
            Err(error) => Previewed::Error {
                message: error.to_string(),
                description: error.description().map(str::to_owned),
                span: None,
            },
        }
    });
    evaluating.await.map_err(Error::internal)
}

/// What surrounds an expression.
struct Scene {
    plan: Arc<Plan>,
    node: Arc<NodeInfo>,
    history: Arc<History>,
    inputs: Inputs,
    sources: Sources,
    run_index: usize,
    execution: String,
}

impl Scene {
    fn into_step(self, app: &App) -> Step {
        let zone = self.plan.timezone.as_deref().and_then(|name| TimeZone::get(name).ok());
        let execution = ExecutionInfo {
            id: self.execution.as_str().into(),
            mode: Mode::Manual,
            zone: zone.unwrap_or_else(|| app.zone.clone()),
            resume_url: "".into(),
            resume_form_url: "".into(),
            variables: Object::new(),
            static_data: Object::new(),
            seed: 0,
            webhook_url: app.public_url.as_str().into(),
        };
        Step {
            execution: Arc::new(execution),
            node: self.node,
            history: self.history,
            arrived: self.inputs.clone(),
            inputs: self.inputs,
            sources: self.sources,
            run_index: self.run_index,
            attempt: 1,
            now_ms: Timestamp::now().as_millisecond() as f64,
            seen: Default::default(),
        }
    }
}

async fn scene_of_items(
    app: &App,
    actor: &Actor,
    workflow: Option<WorkflowId>,
    items: Vec<Object>,
    node: Option<&str>,
) -> Result<Scene> {
    let workflow = match workflow {
        Some(id) => {
            actor.require(Permission::ReadWorkflows)?;
            workflows::read(&app.store.workflow(actor.workspace(), id).await?.draft)?
        }
        None => Workflow::default(),
    };
    let plan = Plan::compile(&workflow, app.catalogue())
        .map_err(|problems| Error::Invalid { message: "the draft cannot run".into(), problems })?;
    let info = match node {
        Some(name) => plan.node(find(&plan, name)?).info.clone(),
        None => Arc::new(NodeInfo { name: "Preview".into(), key: "preview".into(), ..NodeInfo::default() }),
    };
    let items: Items = Arc::new(items.into_iter().map(Item::new).collect());
    Ok(Scene {
        history: Arc::new(History::new(plan.graph().clone())),
        plan: Arc::new(plan),
        node: info,
        inputs: Inputs::single(items),
        sources: Sources::new(),
        run_index: 0,
        execution: "preview".to_owned(),
    })
}

async fn scene_of_execution(app: &App, actor: &Actor, id: ExecutionId, node: Option<&str>) -> Result<Scene> {
    let workspace = actor.require(Permission::ReadExecutionData)?;
    let (_, trace) = executions::trace(app, workspace, id).await?;
    let Some(node) = node else {
        let problem = Problem::error("node", Code::Shape, "which node's expression this is must be said");
        return Err(Error::invalid(problem.fix("name it by its key or its name")));
    };
    let index = find(&trace.plan, node)?;
    let info = trace.plan.node(index).info.clone();
    let step = trace.steps.iter().rev().find(|step| step.node == index && step.inputs.is_some());
    let (inputs, sources, run_index) = match step {
        Some(step) => {
            let inputs = step.inputs.clone().unwrap_or_else(|| Inputs::single(Items::default()));
            (inputs, step.sources.iter().copied().collect(), step.run as usize)
        }
        None => arriving(&trace, index),
    };
    Ok(Scene {
        plan: trace.plan.clone(),
        node: info,
        history: trace.history.clone(),
        inputs,
        sources,
        run_index,
        execution: id.to_string(),
    })
}

/// What would arrive at a node that has not run: the latest that the nodes before it gave.
fn arriving(trace: &executions::Trace, node: usize) -> (Inputs, Sources, usize) {
    let parents = trace.plan.graph().parents(node);
    let ports = parents.iter().map(|parent| parent.input + 1).max().unwrap_or(1);
    let (mut inputs, mut sources) = (vec![None; ports], vec![None; ports]);
    for parent in parents {
        let Some(run) = trace.history.runs(parent.node).len().checked_sub(1) else { continue };
        let source = sdk::history::Source { node: parent.node, output: parent.output, run };
        if inputs[parent.input].is_none() {
            inputs[parent.input] = Some(trace.history.items(source));
            sources[parent.input] = Some(source);
        }
    }
    (Inputs::new(inputs, 0), sources.into_iter().collect(), 0)
}

fn find(plan: &Plan, name: &str) -> Result<usize> {
    plan.find(name).ok_or_else(|| {
        let problem = Problem::error("node", Code::Range, format!("there is no node \"{name}\""));
        Error::invalid(problem.fix("use the key or the name of a node"))
    })
}

//! The promises that every line of the catalogue keeps. A new node is held to them by being listed.

use std::path::PathBuf;
use std::sync::Arc;

use model::{Item, Items, Object, Value};
use sdk::code::{Code, CodeResult, CodeRunner};
use sdk::credential::{Credential, Credentials};
use sdk::error::ErrorKind;
use sdk::n8n::{N8nMapping, N8nNode, Unmapped};
use sdk::net::{Client, Mocks};
use sdk::node::BoxFuture;
use sdk::{Context, Effect, Example, Inputs, NodeError, NodeInfo, NodeType, Output, Services};
use serde_json::Value as Json;

/// Stands for everything secret; it must never be seen.
const SECRET: &str = "correct-horse-battery-staple";

/// Types that exist to fail.
const FAILS: [&str; 2] = ["core.stop_and_error", "core.unsupported"];

#[test]
fn every_type_has_a_title_and_a_manual_page() {
    for node_type in nodes::catalogue().types() {
        let name = node_type.kind.name;
        assert!(!node_type.title.is_empty(), "{name} has no title");
        let schema = Json::from(node_type.schema());
        let mut undocumented = Vec::new();
        find_undocumented(&schema, name, &mut undocumented);
        assert!(undocumented.is_empty(), "without a doc comment: {undocumented:#?}");
    }
}

#[test]
fn every_type_is_named_like_its_siblings() {
    for node_type in nodes::catalogue().types() {
        let name = node_type.kind.name;
        let local = name.strip_prefix("core.").unwrap_or_else(|| panic!("{name} does not start with core."));
        assert!(local.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name} is not in snake case");
        assert!(node_type.kind.version >= 1, "{name} has no version");
    }
}

#[test]
fn every_schema_is_valid_json_schema() {
    for node_type in nodes::catalogue().types() {
        let schema = Json::from(node_type.schema());
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        if let Err(error) = jsonschema::draft202012::meta::validate(&schema) {
            panic!("the schema of {}: {error}", node_type.kind.name);
        }
    }
}

#[test]
fn every_example_agrees_with_the_schema_and_survives_a_round_trip() {
    for_every_example(|node_type, example| {
        let name = node_type.kind.name;
        let given = parameters(example);
        let complete = node_type.complete(&given).unwrap_or_else(|error| panic!("{name}: {error}"));
        let schema = Json::from(node_type.schema());
        let validator = jsonschema::validator_for(&schema).expect("schemas are valid");
        for parameters in [&given, &complete] {
            let instance = Json::from(&Value::Object(parameters.clone()));
            if let Err(error) = validator.validate(&instance) {
                panic!("\"{}\" of {name} at {}: {error}", example.title, error.instance_path());
            }
        }
        let again = node_type.complete(&complete).unwrap_or_else(|error| panic!("{name} again: {error}"));
        assert_eq!(complete, again, "\"{}\" of {name} does not survive a round trip", example.title);
        for (key, value) in given.iter() {
            let kept = complete.get(key).unwrap_or_else(|| panic!("{name} loses parameter {key}"));
            assert!(contains(kept, value), "{name} changes parameter {key} from {value} to {kept}");
        }
    });
}

#[test]
fn every_type_refuses_unknown_parameters() {
    for_every_example(|node_type, example| {
        let name = node_type.kind.name;
        let mut given = parameters(example);
        given.insert("no_such_parameter", true);
        let error = node_type.build(&given).err();
        let error = error.unwrap_or_else(|| panic!("{name} accepts a parameter that it does not know"));
        assert!(error.message.contains("no_such_parameter"), "{name}: {error}");
        let validator = jsonschema::validator_for(&node_type.schema().into()).expect("schemas are valid");
        assert!(!validator.is_valid(&Json::from(&Value::Object(given))), "the schema of {name} accepts it");
    });
}

#[test]
fn every_type_runs_its_examples_and_gives_lineage() {
    for_every_example(|node_type, example| {
        let name = node_type.kind.name;
        let inputs = inputs(node_type, example);
        let counts: Vec<usize> = (0..inputs.ports().len()).map(|port| inputs.port(port).len()).collect();
        let output = match run(node_type, example, inputs, |_| {}) {
            Ok(Output::Items(emission)) => emission.ports,
            Ok(_) => return,
            // There is no outside world here, and some nodes exist to fail.
            Err(error) if node_type.effect != Effect::Pure || FAILS.contains(&name) => {
                return assert_ne!(error.message, "", "{name} fails without saying why");
            }
            Err(error) => panic!("\"{}\" of {name} fails: {error}", example.title),
        };
        if node_type.inputs.is_empty() || counts.iter().all(|count| *count == 0) {
            return;
        }
        for item in output.iter().flat_map(|items| items.iter()) {
            assert!(!item.lineage.is_unknown(), "{name} does not say where {:?} came from", item.json);
            for origin in item.lineage.origins() {
                let count = counts.get(origin.input as usize).copied().unwrap_or(0);
                assert!(
                    (origin.item as usize) < count,
                    "{name} names an item that does not exist: {origin:?}"
                );
            }
        }
    });
}

#[test]
fn no_type_begins_when_the_execution_is_cancelled() {
    for_every_example(|node_type, example| {
        let outcome = run(node_type, example, inputs(node_type, example), |ctx| ctx.cancel.cancel());
        let error =
            outcome.err().unwrap_or_else(|| panic!("{} runs although cancelled", node_type.kind.name));
        assert_eq!(error.kind, ErrorKind::Cancelled, "{}: {error}", node_type.kind.name);
    });
}

#[test]
fn no_type_shows_a_secret() {
    for_every_example(|node_type, example| {
        let node = node_type.build(&parameters(example)).expect("examples are valid");
        let ctx = context(inputs(node_type, example));
        let outcome = block_on(node.run(&ctx, &ctx.inputs));
        let seen = format!("{outcome:?} {:?}", ctx.take_notes());
        assert!(!seen.contains(SECRET), "\"{}\" of {} shows a secret", example.title, node_type.kind.name);
    });
}

#[test]
fn every_type_survives_endless_expressions() {
    let endless = Value::from("={{ (() => { for (;;) {} })() }}");
    for_every_example(|node_type, example| {
        for key in parameters(example).keys() {
            let mut given = parameters(example);
            given.insert(key.clone(), endless.clone());
            let Ok(node) = node_type.build(&given) else { continue };
            let mut ctx = context(inputs(node_type, example));
            ctx.services.limits = Arc::new(expr::Limits { fuel: 20_000, ..expr::Limits::default() });
            if let Err(error) = block_on(node.run(&ctx, &ctx.inputs)) {
                assert_ne!(error.message, "", "{} fails without saying why", node_type.kind.name);
            }
        }
    });
}

#[test]
fn every_mapping_covers_the_versions_that_exist() {
    for_every_n8n_type(|mapping, groups| {
        for version in groups.iter().flat_map(|group| group["versions"].as_array().expect("a list")) {
            let version = version.as_f64().expect("a version is a number");
            assert!(mapping.versions.contains(&version), "{} {version} is not mapped", mapping.kind);
        }
    });
}

#[test]
fn every_mapping_gives_parameters_that_its_node_accepts() {
    let catalogue = nodes::catalogue();
    for_every_n8n_type(|mapping, groups| {
        let mut native = 0;
        for group in groups {
            for version in group["versions"].as_array().expect("a list") {
                for parameters in variants(group, version) {
                    let version = version.as_f64().expect("a version is a number");
                    let node =
                        N8nNode { kind: mapping.kind, version, parameters: &parameters, webhook_id: None };
                    let mapped = match catalogue.import_n8n(&node) {
                        Ok(mapped) => mapped,
                        Err(Unmapped::UnsupportedParameters(reason)) => {
                            assert_ne!(reason, "", "{} {version} is refused without a reason", mapping.kind);
                            continue;
                        }
                        Err(other) => panic!("{} {version}: {other}", mapping.kind),
                    };
                    native += 1;
                    let target = catalogue.find(mapped.kind.name, mapped.kind.version);
                    let target = target.unwrap_or_else(|| panic!("{} maps to nothing", mapping.kind));
                    if let Err(error) = target.build(&mapped.parameters) {
                        let becomes = &mapped.parameters;
                        panic!("{} {version} {parameters:?} becomes {becomes:?}: {error}", mapping.kind);
                    }
                }
            }
        }
        assert!(native > 0, "{} never becomes a native node", mapping.kind);
    });
}

fn for_every_example(mut check: impl FnMut(&NodeType, &Example)) {
    for node_type in nodes::catalogue().types() {
        assert!(!node_type.examples.is_empty(), "{} shows no example", node_type.kind.name);
        for example in node_type.examples {
            check(node_type, example);
        }
    }
}

/// Calls `check` with every n8n type that the catalogue stands for and the facts of its parameters, where they are
/// known.
fn for_every_n8n_type(mut check: impl FnMut(&'static N8nMapping, &[Json])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/n8n/parameters");
    for mapping in nodes::catalogue().foreign() {
        let name = mapping.kind.rsplit('.').next().expect("a type has a name");
        let Ok(text) = std::fs::read_to_string(folder.join(format!("{name}.json"))) else { continue };
        let groups: Vec<Json> = serde_json::from_str(&text).expect("parameter facts are JSON");
        check(mapping, &groups);
    }
}

/// Parameters to try: all defaults, then every option of every property, with what makes the property count.
fn variants(group: &Json, version: &Json) -> Vec<Object> {
    let mut variants = vec![Object::new()];
    for property in group["properties"].as_array().expect("properties are a list") {
        let shown = &property["shown"]["show"];
        if shown["@version"].as_array().is_some_and(|versions| !versions.contains(version)) {
            continue;
        }
        let conditions = shown.as_object().into_iter().flatten().filter(|(key, _)| !key.contains(['@', '/']));
        let mut base = Object::new();
        for (key, values) in conditions {
            if let Some(value) = values.get(0).filter(|value| !value.is_object()) {
                base.insert(key.as_str(), Value::from(value.clone()));
            }
        }
        let name = property["name"].as_str().expect("a property has a name");
        let options = property["options"].as_array().filter(|_| property["type"] == "options");
        for option in options.into_iter().flatten().filter(|option| !option.is_object()) {
            let mut parameters = base.clone();
            parameters.insert(name, Value::from(option.clone()));
            variants.push(parameters);
        }
        variants.push(base);
    }
    variants
}

fn parameters(example: &Example) -> Object {
    let value = Value::from_json(example.parameters).expect("the parameters of an example are JSON");
    value.as_object().expect("the parameters of an example are an object").clone()
}

/// The items of the example on every input port of the node.
fn inputs(node_type: &NodeType, example: &Example) -> Inputs {
    let value = Value::from_json(example.items).expect("the items of an example are JSON");
    let data = value.as_array().expect("the items of an example are a list").iter();
    let data = data.map(|json| Item::new(json.as_object().expect("data is an object").clone()));
    let items: Items = Arc::new(data.collect());
    let node = node_type.build(&parameters(example)).expect("examples are valid");
    Inputs::new(node.ports().inputs.iter().map(|_| Some(items.clone())), 0)
}

fn run(
    node_type: &NodeType,
    example: &Example,
    inputs: Inputs,
    prepare: impl FnOnce(&Context),
) -> Result<Output, NodeError> {
    let node = node_type.build(&parameters(example)).expect("examples are valid");
    let ctx = context(inputs);
    prepare(&ctx);
    block_on(node.run(&ctx, &ctx.inputs))
}

fn context(inputs: Inputs) -> Context {
    let mut ctx = sdk::testing::context(inputs);
    ctx.services = Services {
        code: Arc::new(Echo),
        credentials: Arc::new(Secrets),
        http: Client::with_mocks(Mocks::default()),
        ..Services::default()
    };
    ctx
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(future)
}

/// Code that returns what it gets.
struct Echo;

impl CodeRunner for Echo {
    fn run<'a>(
        &'a self,
        _: &'a Code,
        _: &'a Context,
        inputs: &'a Inputs,
    ) -> BoxFuture<'a, Result<CodeResult, NodeError>> {
        let items = inputs.main().iter().enumerate().map(|(index, item)| item.clone().from_item(index));
        let items = Arc::new(items.collect());
        Box::pin(async { Ok(CodeResult { items, ..CodeResult::default() }) })
    }
}

/// Every credential there is, all of them secret.
struct Secrets;

impl Credentials for Secrets {
    fn find<'a>(&'a self, _: &'a NodeInfo, kind: &'a str) -> BoxFuture<'a, Result<Credential, NodeError>> {
        let fields = ["user", "password", "name", "value", "token", "accessToken", "privateKey", "secret"];
        let fields = fields.map(|field| (field, SECRET)).into_iter().collect();
        Box::pin(async move { Ok(Credential::new(kind, fields)) })
    }
}

/// Whether `whole` has everything that `part` has.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, part)| whole.get(key).is_some_and(|whole| contains(whole, part)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len()
                && whole.iter().zip(part.iter()).all(|(whole, part)| contains(whole, part))
        }
        (whole, part) => whole == part,
    }
}

/// Collects the paths of objects and properties that nothing describes.
fn find_undocumented(schema: &Json, path: &str, found: &mut Vec<String>) {
    let described = |schema: &Json| schema["description"].as_str().is_some_and(|text| !text.is_empty());
    if let Some(properties) = schema["properties"].as_object() {
        if !described(schema) {
            found.push(path.to_owned());
        }
        for (name, property) in properties {
            // The tag of a variant says nothing beyond the variant.
            if !described(property) && property["const"].is_null() {
                found.push(format!("{path}.{name}"));
            }
            find_undocumented(property, &format!("{path}.{name}"), found);
        }
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        for (index, part) in schema[key].as_array().into_iter().flatten().enumerate() {
            find_undocumented(part, &format!("{path}[{index}]"), found);
        }
    }
    if schema["items"].is_object() {
        find_undocumented(&schema["items"], &format!("{path}[]"), found);
    }
    for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
        find_undocumented(definition, name, found);
    }
}

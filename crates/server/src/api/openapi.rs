//! What all operations of the document have in common.

use serde_json::Value;
use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, Content, HttpMethod, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr,
    Required, ResponseBuilder,
};

use super::Access;
use super::executions::ModeWord;
use crate::problem::{FieldProblem, Problem};
use crate::{idempotency, request_id};

const DESCRIPTION: &str = "Runs workflows durably. Every error is an `application/problem+json` document \
    (RFC 9457); lists are read page by page with the cursor of the page before; a POST with an `Idempotency-Key` \
    happens once, and its answer is repeated for 24 hours.";

/// The document before any route is in it.
pub(super) fn head() -> OpenApi {
    let licence = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0"));
    let info = InfoBuilder::new()
        .title("Runnel")
        .version("v1")
        .description(Some(DESCRIPTION))
        .license(Some(licence.build()));
    OpenApiBuilder::new().info(info).build()
}

/// Adds to the operations of a path what they share with those of the same kind.
pub(super) fn describe(path: &str, item: &mut PathItem, access: Access) {
    let operations = [
        (HttpMethod::Get, &mut item.get),
        (HttpMethod::Post, &mut item.post),
        (HttpMethod::Put, &mut item.put),
        (HttpMethod::Patch, &mut item.patch),
        (HttpMethod::Delete, &mut item.delete),
    ];
    for (method, operation) in operations {
        if let Some(operation) = operation {
            describe_operation(path, &method, operation, access);
        }
    }
}

fn describe_operation(path: &str, method: &HttpMethod, operation: &mut Operation, access: Access) {
    let mut problems = vec!["503", "default"];
    match access {
        Access::Public => operation.security = Some(Vec::new()),
        Access::Needs(permission) => {
            operation.security = Some(vec![SecurityRequirement::new("key", Vec::<String>::new())]);
            let needs = format!("Needs the permission `{}`.", permission.as_str());
            let text = operation.description.take().filter(|text| !text.is_empty());
            operation.description = Some(text.map_or(needs.clone(), |text| format!("{text}\n\n{needs}")));
            let extensions = operation.extensions.get_or_insert_default();
            extensions.insert("x-permission".to_owned(), permission.as_str().into());
            problems.extend(["401", "403"]);
            if matches!(method, HttpMethod::Post) {
                operation.parameters.get_or_insert_default().push(idempotency_key());
                problems.push("409");
            }
        }
    }
    if path.contains('{') {
        problems.push("404");
    }
    if operation.request_body.is_some() {
        problems.extend(["400", "413", "415", "422"]);
    } else if operation.parameters.as_ref().is_some_and(|parameters| parameters.iter().any(in_query)) {
        problems.push("422");
    }
    for status in problems {
        let problem = RefOr::Ref(Ref::from_response_name("Problem"));
        operation.responses.responses.entry(status.to_owned()).or_insert(problem);
    }
}

fn in_query(parameter: &RefOr<Parameter>) -> bool {
    matches!(parameter, RefOr::T(parameter) if matches!(parameter.parameter_in, ParameterIn::Query))
}

fn idempotency_key() -> RefOr<Parameter> {
    let text = "Makes the request happen once: sent again within 24 hours, its first answer is repeated.";
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(255))
        .pattern(Some("^[!-~]+$"));
    let parameter = ParameterBuilder::new()
        .name(idempotency::HEADER)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(text))
        .schema(Some(schema));
    RefOr::T(parameter.build())
}

/// Adds what the operations refer to.
pub(super) fn finish(document: &mut OpenApi) {
    let components = document.components.get_or_insert_with(Components::new);
    let bearer = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("rnl_...")
        .description(Some("An API key. The first one comes from the setup."));
    components.security_schemes.insert("key".to_owned(), RefOr::T(SecurityScheme::Http(bearer.build())));
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    components.schemas.insert(FieldProblem::name().into_owned(), FieldProblem::schema());
    // Only queries name it, whose schemas are not collected.
    components.schemas.insert(ModeWord::name().into_owned(), ModeWord::schema());
    let id = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
    let header = utoipa::openapi::header::HeaderBuilder::new()
        .schema(Some(id))
        .description(Some("The id of the request, as the log names it."));
    let problem = ResponseBuilder::new()
        .description("Why the request was not done.")
        .header(request_id::HEADER, header.build())
        .content("application/problem+json", Content::new(Some(Ref::from_schema_name(Problem::name()))));
    components.responses.insert("Problem".to_owned(), RefOr::T(problem.build()));
}

/// The document as JSON, with the schema of workflow files in it.
pub(super) fn to_json(document: &OpenApi) -> Value {
    let mut json = serde_json::to_value(document).expect("a document serialises");
    let mut schema = model::validate::workflow_schema();
    let mut definitions = match schema.get_mut("$defs").map(Value::take) {
        Some(Value::Object(definitions)) => definitions,
        _ => serde_json::Map::new(),
    };
    if let Some(root) = schema.as_object_mut() {
        root.retain(|name, _| !matches!(name.as_str(), "$schema" | "$defs"));
    }
    definitions.insert("Workflow".to_owned(), schema);
    for definition in definitions.values_mut() {
        point_here(definition);
    }
    if let Some(schemas) = json.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        for (name, definition) in definitions {
            let previous = schemas.insert(name.clone(), definition);
            debug_assert!(previous.is_none() || name == "Workflow", "two schemas are called {name}");
        }
    }
    json
}

/// Makes references within a schema file references within the document.
fn point_here(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(target) if name == "$ref" => {
                        *target = target.replace("#/$defs/", "#/components/schemas/");
                    }
                    member => point_here(member),
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(point_here),
        _ => {}
    }
}

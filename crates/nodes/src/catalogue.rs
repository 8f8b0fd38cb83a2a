//! The list of all node types. A new node is one line here.

use sdk::{Catalogue, NodeType};

use crate::*;

/// Every node type that comes with the product.
pub fn catalogue() -> Catalogue {
    Catalogue::new([
        NodeType::of::<aggregate::Aggregate>().with_n8n(aggregate::N8N),
        NodeType::of::<code::Code>().with_n8n(code::N8N),
        NodeType::of::<compare_datasets::CompareDatasets>().with_n8n(compare_datasets::N8N),
        NodeType::of::<date_time::DateTime>().with_n8n(date_time::N8N),
        NodeType::of::<date_time::by_moment::DateTimeByMoment>(),
        NodeType::of::<execute_workflow::ExecuteWorkflow>().with_n8n(execute_workflow::N8N),
        NodeType::of::<filter::Filter>().with_n8n(filter::N8N),
        NodeType::of::<function::Function>().with_n8n(function::N8N),
        NodeType::of::<function_item::FunctionItem>().with_n8n(function_item::N8N),
        NodeType::of::<http_request::HttpRequest>().with_n8n(http_request::N8N),
        NodeType::of::<if_node::If>().with_n8n(if_node::N8N),
        NodeType::of::<limit::Limit>().with_n8n(limit::N8N),
        NodeType::of::<loop_over_items::LoopOverItems>().with_n8n(loop_over_items::N8N),
        NodeType::of::<merge::Merge>().with_n8n(merge::N8N),
        NodeType::of::<n8n::Unsupported>(),
        NodeType::of::<no_op::NoOp>().with_n8n(no_op::N8N),
        NodeType::of::<note::Note>().with_n8n(note::N8N),
        NodeType::of::<remove_duplicates::RemoveDuplicates>().with_n8n(remove_duplicates::N8N),
        NodeType::of::<rename_keys::RenameKeys>().with_n8n(rename_keys::N8N),
        NodeType::of::<respond_to_webhook::RespondToWebhook>().with_n8n(respond_to_webhook::N8N),
        NodeType::of::<set::Set>().with_n8n(set::N8N),
        NodeType::of::<sort::Sort>().with_n8n(sort::N8N),
        NodeType::of::<split_out::SplitOut>().with_n8n(split_out::N8N),
        NodeType::of::<stop_and_error::StopAndError>().with_n8n(stop_and_error::N8N),
        NodeType::of::<summarize::Summarize>().with_n8n(summarize::N8N),
        NodeType::of::<switch::Switch>().with_n8n(switch::N8N),
        NodeType::of::<triggers::error_trigger::ErrorTrigger>().with_n8n(triggers::error_trigger::N8N),
        NodeType::of::<triggers::execute_workflow_trigger::ExecuteWorkflowTrigger>()
            .with_n8n(triggers::execute_workflow_trigger::N8N),
        NodeType::of::<triggers::http_poll::HttpPoll>(),
        NodeType::of::<triggers::manual::Manual>().with_n8n(triggers::manual::N8N),
        NodeType::of::<triggers::schedule::Schedule>().with_n8n(triggers::schedule::N8N),
        NodeType::of::<triggers::webhook::Webhook>().with_n8n(triggers::webhook::N8N),
        NodeType::of::<wait::Wait>().with_n8n(wait::N8N),
    ])
}

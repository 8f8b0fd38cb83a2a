//! Lists, page by page.

use serde::{Deserialize, Serialize};
use store::Page;
use utoipa::{IntoParams, ToSchema};

use crate::parameters::PathParameter;
use crate::problem::{ApiError, ApiResult, Kind};
use model::Problem;
use model::validate::Code;

/// Entries of a page when nobody says how many.
const USUAL: usize = 50;
/// Entries of a page at most.
const MOST: usize = 200;

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Entries at most, 50 without it.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub(crate) limit: Option<String>,
    /// `next` of the page before.
    pub(crate) cursor: Option<String>,
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct PageView<T> {
    /// The entries.
    pub(crate) items: Vec<T>,
    /// The cursor of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// Reads which page is asked for.
pub(crate) fn page<Key: PathParameter>(limit: Option<&str>, cursor: Option<&str>) -> ApiResult<Page<Key>> {
    let limit = match limit {
        None => USUAL,
        Some(text) => text.parse().ok().filter(|limit| (1..=MOST).contains(limit)).ok_or_else(|| {
            let problem = Problem::error("limit", Code::Range, "a limit is a number from 1 to 200");
            ApiError::at(Kind::Invalid, &problem)
        })?,
    };
    let after = cursor.map(|text| {
        Key::read(text).ok_or_else(|| {
            let problem = Problem::error("cursor", Code::Range, "this is no cursor of this list");
            ApiError::at(Kind::Invalid, &problem.fix("use \"next\" of the page before"))
        })
    });
    Ok(Page { after: after.transpose()?, limit })
}

/// A page whose entries are shown, with the cursor that `key` gives of the last one.
pub(crate) fn view<T, V>(
    page: store::PageOf<T>,
    key: impl Fn(&T) -> String,
    show: impl Fn(T) -> V,
) -> PageView<V> {
    let next = page.items.last().filter(|_| page.more).map(key);
    PageView { items: page.items.into_iter().map(show).collect(), next }
}

//! Reads a response by the contract of its route only. A response that is not a page by its contract has no content,
//! and does not excuse losing records.
//!
//! The contracts are those of docs/answers.md. A page is a 200 with these fields:
//!
//! - results of a job: `conversations` is a list; on the last page, which has no `cursor`, it may be absent if
//!   `dataAvailabilityDate` is present. `cursor` is a string; absent, null and empty mean the end.
//! - the details query: `totalHits` is a count, and `conversations` has the number of elements that follows from it for
//!   this page.
//! - details by ids: `conversations` is a list.
//! - the history gateway: `entities` is a list. Its token follows the rules of `cursor`.
//! - the export gateway: a list.
//!
//! A member that the contract names must not occur twice with different values.

use bytes::Bytes;
use genesys_simulator::{ApiResponse, Route, ServedRequest};
use jiff::Timestamp;
use serde_json::Value;

use super::json::{Node, Shape, parse};
use super::scenario::Source;

#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) elements: Vec<Element>,
    pub(super) next: Option<String>,
    pub(super) hits: Option<u64>,
}

/// An element of a list of records, of any form.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub(super) bytes: Bytes,
    /// Every id in the element.
    pub(super) ids: Vec<String>,
    /// Every start in the element, verbatim.
    pub(super) starts: Vec<Bytes>,
}

impl Page {
    pub(super) fn contains(&self, element: &Element) -> bool {
        self.elements.iter().any(|it| it.bytes == element.bytes)
    }

    pub(super) fn contains_id(&self, id: &String) -> bool {
        self.elements.iter().any(|it| it.ids.contains(id))
    }
}

impl Element {
    /// Whether it contains a start that is a valid time.
    pub(super) fn has_a_start(&self) -> bool {
        self.moments().next().is_some()
    }

    pub(super) fn starts_before(&self, moment: Timestamp) -> bool {
        self.moments().any(|start| start < moment)
    }

    fn moments(&self) -> impl Iterator<Item = Timestamp> {
        let starts = self.starts.iter();
        starts.filter_map(|start| serde_json::from_slice(start).ok())
    }
}

/// The root of a response, for access to the members that the contract names.
struct ResponseBody<'a> {
    root: &'a Node,
    text: &'a [u8],
    source: Source,
}

/// Returns the body as the client receives it, if the response has this status and a complete body.
pub(super) fn complete_body(response: &ApiResponse, status: u16) -> Option<&[u8]> {
    let length = response.content_length.unwrap_or(response.body.len());
    (response.status == status)
        .then(|| response.body.get(..length))
        .flatten()
}

/// Violation of the contract.
struct NotAPage;

/// Returns the page in the response, or `None` if the response is not a page.
pub(super) fn parse_page(
    source: Source,
    request: &ServedRequest<'_>,
    response: &ApiResponse,
) -> Option<Page> {
    let text = complete_body(response, 200)?;
    let root = parse(text)?;
    let response_body = ResponseBody {
        root: &root,
        text,
        source,
    };
    let page = match (request.route, source) {
        (Route::JobResults, _) => response_body.job_results(),
        (Route::DetailsQuery, Source::QueryByTime) => response_body.query(request),
        (Route::DetailsQuery, Source::HistoryByPageToken) => response_body.history("nextPageToken"),
        (Route::DetailsQuery, Source::HistoryByContinuation) => {
            response_body.history("continuationToken")
        }
        (Route::DetailsByIds, _) => response_body.by_ids(),
        (Route::ExportResults, _) => root
            .elements()
            .ok_or(NotAPage)
            .map(|list| response_body.page(list)),
        _ => Err(NotAPage),
    };
    page.ok()
}

/// Returns every id of a record in the body, even if the response is not a page.
pub(super) fn all_ids(source: Source, body: &[u8]) -> Vec<String> {
    let Some(root) = parse(body) else {
        return Vec::new();
    };
    let response_body = ResponseBody {
        root: &root,
        text: body,
        source,
    };
    let members = root.members().unwrap_or_default().iter();
    let lists = members.filter_map(|member| member.value.elements());
    let elements = lists.chain(root.elements()).flatten();
    elements
        .flat_map(|node| response_body.element(node).ids)
        .collect()
}

impl<'a> ResponseBody<'a> {
    fn job_results(&self) -> Result<Page, NotAPage> {
        let next = self.token("cursor")?;
        let date = self.unique_member("dataAvailabilityDate")?;
        let elements = match self.list("conversations")? {
            Some(list) => list,
            None if self.lacks("conversations") && next.is_none() && date.is_some_and(is_text) => {
                &[]
            }
            None => return Err(NotAPage),
        };
        let page = self.page(elements);
        Ok(Page { next, ..page })
    }

    fn query(&self, request: &ServedRequest<'_>) -> Result<Page, NotAPage> {
        let hits = self
            .unique_member("totalHits")?
            .and_then(|hits| hits.count(self.text));
        let hits = hits.ok_or(NotAPage)?;
        let elements = self.list("conversations")?.unwrap_or_default();
        let request_body: Value = serde_json::from_slice(request.body).map_err(|_| NotAPage)?;
        let paging = |name: &str| request_body["paging"][name].as_u64().ok_or(NotAPage);
        let before = (paging("pageNumber")?.max(1) - 1) * paging("pageSize")?;
        let expected_count = hits.saturating_sub(before).min(paging("pageSize")?);
        if elements.len() as u64 != expected_count {
            return Err(NotAPage);
        }
        let page = self.page(elements);
        Ok(Page {
            hits: Some(hits),
            ..page
        })
    }

    fn history(&self, token: &str) -> Result<Page, NotAPage> {
        let next = self.token(token)?;
        let page = self.page(self.list("entities")?.ok_or(NotAPage)?);
        Ok(Page { next, ..page })
    }

    fn by_ids(&self) -> Result<Page, NotAPage> {
        Ok(self.page(self.list("conversations")?.ok_or(NotAPage)?))
    }

    fn page(&self, elements: &[Node]) -> Page {
        Page {
            elements: elements.iter().map(|node| self.element(node)).collect(),
            next: None,
            hits: None,
        }
    }

    fn element(&self, node: &Node) -> Element {
        let members = |names: &[&str]| first_given(node, self.text, names).into_iter();
        let bytes = |value: &Node| Bytes::copy_from_slice(value.bytes(self.text));
        Element {
            bytes: bytes(node),
            ids: members(self.source.id_fields())
                .filter_map(|id| id.id(self.text))
                .collect(),
            starts: members(self.source.start_fields()).map(bytes).collect(),
        }
    }

    fn lacks(&self, name: &str) -> bool {
        self.root.all(self.text, name).is_empty()
    }

    /// Returns the value of the member, or `None` if it is absent. Fails if it occurs with different values.
    fn unique_member(&self, name: &str) -> Result<Option<&'a Node>, NotAPage> {
        self.root.members().ok_or(NotAPage)?;
        let values: Vec<&Node> = self.root.all(self.text, name);
        let is_same = |pair: &[&Node]| pair[0].bytes(self.text) == pair[1].bytes(self.text);
        if values.windows(2).all(is_same) {
            Ok(values.first().copied())
        } else {
            Err(NotAPage)
        }
    }

    /// Returns the elements of a list, or `None` if it is absent or null.
    fn list(&self, name: &str) -> Result<Option<&'a [Node]>, NotAPage> {
        match self.unique_member(name)?.map(|node| &node.shape) {
            None | Some(Shape::Null) => Ok(None),
            Some(Shape::List(elements)) => Ok(Some(elements)),
            Some(_) => Err(NotAPage),
        }
    }

    /// Returns the token of the next page, or `None` at the end.
    fn token(&self, name: &str) -> Result<Option<String>, NotAPage> {
        let token = self.unique_member(name)?;
        match token.filter(|node| !matches!(node.shape, Shape::Null)) {
            None => Ok(None),
            Some(node) => {
                let text = node.text(self.text).ok_or(NotAPage)?;
                Ok(Some(text).filter(|text| !text.is_empty()))
            }
        }
    }
}

/// Returns the members of the first of these names that is given: neither absent nor null nor empty.
pub(super) fn first_given<'a>(node: &'a Node, text: &[u8], names: &[&str]) -> Vec<&'a Node> {
    let is_given = |value: &&Node| {
        !matches!(value.shape, Shape::Null) && value.text(text).is_none_or(|it| !it.is_empty())
    };
    let mut all = names.iter().map(|name| node.all(text, name));
    all.find(|values| values.iter().any(is_given))
        .unwrap_or_default()
}

fn is_text(node: &Node) -> bool {
    matches!(node.shape, Shape::Text)
}

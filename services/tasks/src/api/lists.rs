//! Lists of tasks.

use super::tasks::id;
use super::users::{caller, visitor};
use super::{Tasks, revalidated};
use crate::jobs;
use crate::model::listing::{
    By, Filter, Listed, Order, PER_PAGE, Query, Scope, Start, TOTAL_MAX, folded,
};
use crate::model::task::{Kind, Priority, Status, Summary, TaskId};
use crate::model::user::UserId;
use chassis::answer::serialized;
use chassis::problem::{Fault, Problem};
use chassis::validation::parameter_fault;
use chassis::{Answer, Request};
use hyper::StatusCode;
use hyper::header::{HeaderValue, LINK};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// The last page that a caller can ask for.
const LAST_PAGE: u32 = 1000;

/// The characters that are escaped in a query: all except the unreserved ones (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The query, as its schema admits it.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Parameters {
    status: Vec<Status>,
    #[serde(rename = "type")]
    kind: Vec<Kind>,
    priority: Vec<Priority>,
    assignee: Option<String>,
    q: Option<String>,
    sort: Option<String>,
    page: Option<u32>,
    per_page: Option<u32>,
    after: Option<Uuid>,
    user: Option<Uuid>,
}

#[derive(Serialize)]
struct Page {
    data: Vec<Summary>,
    meta: Meta,
}

#[derive(Serialize)]
struct Meta {
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    per_page: u32,
    #[serde(flatten)]
    totals: Option<Totals>,
}

#[derive(Serialize)]
struct Totals {
    total: u64,
    total_is_exact: bool,
    total_pages: u64,
}

impl Tasks {
    pub(super) async fn list_tasks(&self, request: &Request<'_>) -> Result<Answer, Problem> {
        let user = caller(request)?.user.id;
        self.list(request, |_| Scope::Visible(user)).await
    }

    pub(super) async fn list_tasks_of_user(
        &self,
        request: &Request<'_>,
    ) -> Result<Answer, Problem> {
        let of = request.parameter("user_id").and_then(id).map(UserId);
        let of = self.access.may_list(caller(request)?, of, visitor(request)).await?;
        self.list(request, |_| Scope::Owned(of)).await
    }

    pub(super) async fn list_all_tasks(&self, request: &Request<'_>) -> Result<Answer, Problem> {
        self.access.must_be_admin(caller(request)?, visitor(request))?;
        let scope = |parameters: &Parameters| {
            parameters.user.map_or(Scope::All, |user| Scope::Owned(UserId(user)))
        };
        self.list(request, scope).await
    }

    async fn list(
        &self,
        request: &Request<'_>,
        scope: impl FnOnce(&Parameters) -> Scope + Send,
    ) -> Result<Answer, Problem> {
        let parameters: Parameters = self.schemas.query(request, Parameters::faults)?;
        let caller = caller(request)?;
        let scope = scope(&parameters);
        let query = parameters.query(scope, caller.user.id);
        let listed = self.access.list(caller, query.clone()).await?;
        let links = links(request.uri.path(), &parameters, &query, &listed);
        let page = Page { meta: meta(&query, &listed), data: listed.tasks };
        let mut answer = revalidated(serialized(StatusCode::OK, &page)?);
        if !links.is_empty() {
            let links = HeaderValue::try_from(links).expect("the query is percent-encoded");
            answer.headers_mut().insert(LINK, links);
        }
        Ok(answer)
    }
}

impl Parameters {
    fn order(&self) -> Order {
        let order = self.sort.as_deref().and_then(Order::parse);
        order.unwrap_or(Order { by: By::CreatedAt, descending: true })
    }

    /// The errors that a schema cannot express.
    fn faults(values: &Value) -> Vec<Fault> {
        let mut found = Vec::new();
        let is_given = |name: &str| values.get(name).is_some();
        if is_given("after") && is_given("page") {
            found.push(parameter_fault("page", "must not be given together with after"));
        }
        let order = values["sort"].as_str().and_then(Order::parse);
        if is_given("after") && order.is_some_and(|order| order.by != By::CreatedAt) {
            let detail = "must be created_at or -created_at together with after";
            found.push(parameter_fault("sort", detail));
        }
        found
    }

    fn query(&self, scope: Scope, caller: UserId) -> Query {
        let assignee = self.assignee.as_deref().and_then(|assignee| match assignee {
            "me" => Some(caller),
            other => id(other).map(UserId),
        });
        let page = Start::Page(self.page.unwrap_or(1));
        Query {
            kinds: jobs::kinds().collect(),
            scope,
            filter: Filter {
                statuses: self.status.clone(),
                kinds: self.kind.clone(),
                priorities: self.priority.clone(),
                assignee,
                text: self.q.as_deref().map(folded),
            },
            order: self.order(),
            start: self.after.map_or(page, |id| Start::After(TaskId(id))),
            per_page: self.per_page.unwrap_or(PER_PAGE),
        }
    }

    /// The query of a link, without its beginning and without the part.
    fn text(&self) -> String {
        let user = self.user.map(|user| user.to_string());
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        pairs.extend(self.status.iter().map(|value| ("status", value.as_str())));
        pairs.extend(self.kind.iter().map(|value| ("type", value.as_str())));
        pairs.extend(self.priority.iter().map(|value| ("priority", value.as_str())));
        let per_page = self.per_page.map(|number| number.to_string());
        let single = [
            ("user", &user),
            ("assignee", &self.assignee),
            ("q", &self.q),
            ("sort", &self.sort),
            ("per_page", &per_page),
        ];
        pairs.extend(single.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))));
        let text = pairs
            .into_iter()
            .map(|(name, value)| format!("{name}={}&", utf8_percent_encode(value, RESERVED)));
        text.collect()
    }
}

fn meta(query: &Query, listed: &Listed) -> Meta {
    let page = match query.start {
        Start::Page(page) => Some(page),
        Start::After(_) => None,
    };
    let totals = listed.total.map(|total| {
        let known = total.min(TOTAL_MAX);
        Totals {
            total: known,
            total_is_exact: total <= TOTAL_MAX,
            total_pages: known.div_ceil(query.per_page.into()),
        }
    });
    Meta { page, per_page: query.per_page, totals }
}

/// The value of `Link` (RFC 8288): the first, previous, next and last part.
fn links(path: &str, parameters: &Parameters, query: &Query, listed: &Listed) -> String {
    let others = parameters.text();
    let mut links = Vec::new();
    let mut add = |relation: &str, part: String| {
        links.push(format!("<{path}?{others}{part}>; rel=\"{relation}\""));
    };
    match query.start {
        Start::After(_) => {
            if let Some(last) = listed.tasks.last().filter(|_| listed.has_more) {
                add("next", format!("after={}", last.id));
            }
        }
        Start::Page(page) => {
            add("first", "page=1".into());
            if page > 1 {
                add("prev", format!("page={}", page - 1));
            }
            if listed.has_more && page < LAST_PAGE {
                add("next", format!("page={}", page + 1));
            }
            let total = listed.total.filter(|total| *total <= TOTAL_MAX);
            if let Some(total) = total {
                let last = total.div_ceil(query.per_page.into()).max(1);
                add("last", format!("page={last}"));
            }
        }
    }
    links.join(", ")
}

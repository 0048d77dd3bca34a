//! Saved views: filters of the list under a name, which the operators of a tenant share. Whoever reads orders may save,
//! rename and delete them. No form of a view has an idempotency key: each sets a state, in which a second form leaves it.

use actix_web::http::StatusCode;
use oms_access::{
    AccessError, MAX_VIEWS, SavedView, ViewId, ViewName, ViewQuery, ViewsError, delete_view,
    list_views, rename_view, save_view,
};
use oms_errors::{Problem, invalid_field};
use oms_validation::parse_uuid;

use super::filters::Wanted;
use super::{Said, answer};
use crate::http::form::Form;
use crate::http::listing::explained;
use crate::http::notice::Notice;
use crate::http::page::{Answer, see};
use crate::http::page_request::PageRequest;

/// Why nothing was changed: the status, a title and a text.
type Refusal = (StatusCode, &'static str, String);
const NOT_FOUND: Refusal = (
    StatusCode::NOT_FOUND,
    "This view does not exist any more.",
    String::new(),
);

/// What the list offers for views.
pub(super) struct Offered {
    /// The view whose filters are shown.
    pub(super) current: Option<SavedView>,
    /// Whether the filters can be saved: they are those of no view.
    pub(super) may_save: bool,
    /// A name that was typed into a form that was refused.
    pub(super) typed: String,
}

/// Says that a view was saved, renamed or deleted.
pub(super) fn done(word: &str) -> Option<Notice> {
    let title = match word {
        "saved" => "The view was saved. All operators of this tenant have it.",
        "renamed" => "The view was renamed.",
        "deleted" => "The view was deleted.",
        _ => return None,
    };
    Some(Notice::done(title))
}

/// The views of the tenant.
pub(super) async fn read(request: &PageRequest) -> Result<Vec<SavedView>, Problem> {
    let (sessions, tenant) = (&request.console.sessions, request.tenant()?);
    let found = settled(list_views(sessions, tenant).await)?;
    Ok(found.unwrap_or_default())
}

/// `POST /console/orders/views`: saves filters under a name.
pub(in crate::http) async fn save(request: Box<PageRequest>) -> Answer {
    let (sessions, operator) = (&request.console.sessions, request.operator()?);
    let form = request.form()?;
    let wanted = Wanted::of_form(form);
    let parts = || {
        wanted.listing()?;
        let name = name(form)?;
        let query = ViewQuery::new(wanted.query());
        let query = query.map_err(|error| invalid_field("filters", error.to_string()))?;
        Ok((name, query))
    };
    let (name, query) = match parts() {
        Ok(parts) => parts,
        Err(problem) => return refuse(&request, wanted, form, problem).await,
    };
    match settled(save_view(sessions, operator.credential(), &name, &query).await)? {
        Ok(()) => see(&wanted.address_after("saved")),
        Err(refusal) => explain(&request, wanted, form, refusal).await,
    }
}

/// `POST /console/orders/views/{id}`: renames or deletes a view.
pub(in crate::http) async fn change(request: Box<PageRequest>) -> Answer {
    let (sessions, tenant) = (&request.console.sessions, request.tenant()?);
    let form = request.form()?;
    let views = read(&request).await?;
    let id = parse_uuid(request.id()).map(ViewId).ok();
    let Some(seen) = views.into_iter().find(|view| Some(view.id) == id) else {
        return explain(&request, Wanted::default(), form, NOT_FOUND).await;
    };
    let (id, wanted) = (seen.id, Wanted::of_query(&seen.query));
    let wished = match form.required("what") {
        Ok("delete") => Ok(None),
        Ok("rename") => name(form).and_then(|name| Ok(Some((name, version(form)?)))),
        Ok(_) => Err(invalid_field("what", "must be `rename` or `delete`")),
        Err(problem) => Err(problem),
    };
    let wished = match wished {
        Ok(wished) => wished,
        Err(problem) => return refuse(&request, wanted, form, problem).await,
    };
    let (changed, place) = match wished {
        None => (
            delete_view(sessions, tenant, id).await,
            Wanted::default().address_after("deleted"),
        ),
        Some((name, version)) => {
            let renamed = rename_view(sessions, tenant, id, version, &name).await;
            (renamed.map(drop), wanted.address_after("renamed"))
        }
    };
    match settled(changed)? {
        Ok(()) => see(&place),
        Err(refusal) => explain(&request, wanted, form, refusal).await,
    }
}

fn name(form: &Form) -> Result<ViewName, Problem> {
    let name = ViewName::parse(form.required("name")?);
    name.map_err(|error| invalid_field("name", error.to_string()))
}

fn version(form: &Form) -> Result<i32, Problem> {
    let version = form.required("version")?.parse();
    version.map_err(|_| invalid_field("version", "must be a whole number"))
}

/// Gives each refusal the words with which the list explains it. A failure stays a problem.
fn settled<T>(done: Result<T, ViewsError>) -> Result<Result<T, Refusal>, Problem> {
    let refusal = match done {
        Ok(done) => return Ok(Ok(done)),
        Err(ViewsError::NotFound) => NOT_FOUND,
        Err(ViewsError::NameTaken) => (
            StatusCode::CONFLICT,
            "Another view has this name.",
            "Choose another one.".to_owned(),
        ),
        Err(ViewsError::Changed) => (
            StatusCode::PRECONDITION_FAILED,
            "Somebody else has renamed this view.",
            String::new(),
        ),
        Err(ViewsError::TooMany) => (
            StatusCode::CONFLICT,
            "There are too many views.",
            format!("A tenant has {MAX_VIEWS} at most. Delete one first."),
        ),
        Err(ViewsError::Database(error)) => return Err(AccessError::from(error).into()),
    };
    Ok(Err(refusal))
}

/// Shows the list with the reason for which a form was refused.
async fn refuse(request: &PageRequest, wanted: Wanted, form: &Form, problem: Problem) -> Answer {
    let (status, problem) = explained(problem)?;
    let notice = Notice::of_problem(&problem);
    shown(request, wanted, form, status, notice).await
}

/// Shows the list with the reason for which nothing was changed.
async fn explain(
    request: &PageRequest,
    wanted: Wanted,
    form: &Form,
    (status, title, text): Refusal,
) -> Answer {
    let notice = Notice {
        tone: "bad",
        title,
        text,
    };
    shown(request, wanted, form, status, notice).await
}

async fn shown(
    request: &PageRequest,
    wanted: Wanted,
    form: &Form,
    status: StatusCode,
    notice: Notice,
) -> Answer {
    // Filters that can't be read are not shown again.
    let wanted = match wanted.listing() {
        Ok(_) => wanted,
        Err(_) => Wanted::default(),
    };
    let said = Said {
        status,
        notice: Some(notice),
        typed: form.value("name").to_owned(),
    };
    answer(request, wanted, said).await
}

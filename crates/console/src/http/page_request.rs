//! The request of a page or an action, which is read before its handler runs.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use actix_web::{HttpMessage, HttpRequest};
use oms_errors::{INTERNAL, INVALID_REQUEST, Problem, UNAUTHENTICATED, UNSUPPORTED_MEDIA_TYPE};
use oms_validation::TenantId;

use super::Console;
use super::client_address::ClientAddress;
use super::form::Form;
use super::frame::{Frame, Section};
use super::operator::Operator;
use super::part_request::is_for_a_part;

/// The request that a handler gets. It may cross threads, unlike the request of actix-web.
pub(crate) struct PageRequest {
    /// What the pages need.
    pub(crate) console: Arc<Console>,
    /// The address of the client.
    pub(crate) client: ClientAddress,
    headers: HeaderMap,
    operator: Option<Operator>,
    segments: Vec<(String, String)>,
    query: Form,
    form: Option<Form>,
}

impl PageRequest {
    /// Reads a request, and the form that it sends, if any.
    ///
    /// # Errors
    /// 400 if the query has a field twice; those of a body that is too large or too slow.
    pub(super) async fn read(
        console: Arc<Console>,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<Self, Problem> {
        let query = Form::parse(request.query_string().as_bytes());
        if query.repeats_a_field() {
            return Err(Problem::of(&INVALID_REQUEST).with_source("a field is in the query twice"));
        }
        let form = match *request.method() {
            Method::POST => Form::read(request, payload).await?,
            _ => None,
        };
        let path = request.match_info();
        // Decodes them. They have no names then.
        let segments = path.load::<Vec<String>>();
        let segments = segments.map_err(|error| Problem::of(&INTERNAL).with_source(error))?;
        let names = path.iter().map(|(name, _)| name.to_owned());
        let extensions = request.extensions();
        Ok(Self {
            console,
            client: extensions
                .get::<ClientAddress>()
                .copied()
                .unwrap_or_default(),
            headers: request.headers().clone(),
            operator: extensions.get::<Operator>().cloned(),
            segments: names.zip(segments).collect(),
            query,
            form,
        })
    }

    /// The operator who is signed in.
    ///
    /// # Errors
    /// 401 on a public page, for which the guard looks no session up.
    #[inline(never)]
    pub(crate) fn operator(&self) -> Result<&Operator, Problem> {
        let operator = self.operator.as_ref();
        operator.ok_or_else(|| Problem::of(&UNAUTHENTICATED))
    }

    /// The tenant of the operator.
    ///
    /// # Errors
    /// Those of [`PageRequest::operator`].
    #[inline(never)]
    pub(crate) fn tenant(&self) -> Result<TenantId, Problem> {
        Ok(self.operator()?.tenant())
    }

    /// The segment `{id}` of the path.
    pub(crate) fn id(&self) -> &str {
        self.segment("id")
    }

    /// A segment of the path, by its name in the route. Blank if the route has no such segment.
    pub(crate) fn segment(&self, name: &str) -> &str {
        let found = self.segments.iter().find(|(it, _)| it == name);
        found.map_or("", |(_, segment)| segment)
    }

    /// The fields of the query.
    pub(crate) fn query(&self) -> &Form {
        &self.query
    }

    /// The form that was sent.
    ///
    /// # Errors
    /// 415 if something else was sent.
    #[inline(never)]
    pub(crate) fn form(&self) -> Result<&Form, Problem> {
        self.form.as_ref().ok_or_else(|| {
            let detail = "send the form as application/x-www-form-urlencoded";
            Problem::new(&UNSUPPORTED_MEDIA_TYPE, detail)
        })
    }

    /// The headers, for cookies.
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Whether htmx asked for a part of the page.
    pub(crate) fn is_for_a_part(&self) -> bool {
        is_for_a_part(&self.headers)
    }

    /// The frame of a page.
    pub(crate) fn frame(&self, section: Section, title: impl Into<String>) -> Frame {
        Frame::new(self.operator.clone(), section, title)
    }
}

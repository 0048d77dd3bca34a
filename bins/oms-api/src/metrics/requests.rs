//! The metrics of HTTP requests: count, status and duration.
//!
//! The series of a route are created when its first request begins, and kept, so that counting a later request neither
//! looks anything up nor allocates. A server that has answered nothing has few series to send when it is scraped.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage};
use oms_monitoring::metrics::{
    Counter, CounterSeries, Histogram, HistogramSeries, LATENCY_BUCKETS_S, Metrics, MetricsError,
};

use crate::routes::{MatchedRoute, ROUTES};

/// The status classes. The last one stands for clients that disconnected before they were answered.
const STATUSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];
const GONE: usize = STATUSES.len() - 1;

/// Route and method of requests for anything that is not served. The text that a client sends must not become a label.
const OTHER: &str = "other";

/// Counts the requests of every route.
pub(crate) struct RequestMetrics {
    requests: Counter<3>,
    seconds: Histogram<2>,
    /// By index in `ROUTES`; last, the series of requests that match no route.
    series: Vec<OnceLock<RouteSeries>>,
}

struct RouteSeries {
    requests: [CounterSeries; STATUSES.len()],
    seconds: HistogramSeries,
}

impl RequestMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Result<Self, MetricsError> {
        let requests = metrics.counter(
            "oms_http_requests_total",
            "Requests by registered route, such as `/orders/{id}`, and class of answer. The status is `none` when the client disconnected first; the route is `other` for anything that is not served.",
            &["route", "method", "status"],
        )?;
        let seconds = metrics.histogram(
            "oms_http_request_duration_seconds",
            "Duration of requests, from the head of the request to the head of the answer.",
            &["route", "method"],
            &LATENCY_BUCKETS_S,
        )?;
        let registered = Self {
            requests,
            seconds,
            series: (0..=ROUTES.len()).map(|_| OnceLock::new()).collect(),
        };
        // Rules that add up all routes have a value from the first scrape on.
        registered.of(None);
        Ok(registered)
    }

    fn of(&self, route: Option<MatchedRoute>) -> &RouteSeries {
        let index = route.map_or(ROUTES.len(), MatchedRoute::index);
        self.series[index].get_or_init(|| {
            let (path, method) = match ROUTES.get(index) {
                Some(route) => (route.path, route.method),
                None => (OTHER, OTHER),
            };
            RouteSeries {
                requests: STATUSES.map(|status| self.requests.series(&[path, method, status])),
                seconds: self.seconds.series(&[path, method]),
            }
        })
    }
}

/// A request in progress. It is counted when this is dropped, even if its client disconnected.
struct InProgress<'a> {
    series: &'a RouteSeries,
    since: Instant,
    status: usize,
}

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        self.series.requests[self.status].increment();
        self.series
            .seconds
            .observe(self.since.elapsed().as_secs_f64());
    }
}

/// Middleware: counts requests. It must enclose all others except the one that matches routes.
pub(crate) async fn measure(
    metrics: Arc<RequestMetrics>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let route = request.extensions().get::<MatchedRoute>().copied();
    let mut in_progress = InProgress {
        series: metrics.of(route),
        since: Instant::now(),
        status: GONE,
    };
    let answered = next.call(request).await;
    let status = match &answered {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    in_progress.status = usize::from(status.as_u16() / 100 - 1).min(GONE);
    answered
}

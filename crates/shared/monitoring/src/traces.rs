//! [W3C trace context](https://www.w3.org/TR/trace-context/): reads the trace of a request, and passes it on to called
//! services.
//!
//! If spans are exported to a collector, the trace is that of the span. Otherwise the trace context of a request is
//! stored with its span and passed on unchanged, and a request without one belongs to no trace.

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Dispatch, Span, dispatcher};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan;

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// Maximum length of a `tracestate` that is passed on: the minimum that every recipient must accept (section 3.3.1.5).
const MAX_STATE_BYTES: usize = 512;

/// Whether spans are exported to a collector.
static SENT: AtomicBool = AtomicBool::new(false);

pub(crate) fn are_sent_from_now_on() {
    SENT.store(true, Ordering::Relaxed);
}

/// Whether spans are exported to a collector.
pub fn are_sent() -> bool {
    SENT.load(Ordering::Relaxed)
}

/// The values of a request's `traceparent` and `tracestate` headers.
#[derive(Clone, Debug, Default)]
pub struct Brought<'a> {
    /// More than one value is ignored.
    pub traceparent: Vec<&'a str>,
    /// Several values form one list.
    pub tracestate: Vec<&'a str>,
}

/// The trace context of a request, stored with its span.
struct Kept(Context);

/// Adds a new span to the trace of its request, and returns the trace's ID as 32 hexadecimal digits. Returns `None` if
/// the request has no valid trace context and spans are not exported.
pub fn join(span: &Span, brought: &Brought<'_>) -> Option<String> {
    let remote = read(brought);
    if are_sent() {
        if let Some(remote) = remote {
            // Fails for a disabled span, which needs no parent.
            let _ = span.set_parent(remote);
        }
        return trace_id(span.context().span().span_context());
    }
    let remote = remote?;
    let id = trace_id(remote.span().span_context());
    span.with_subscriber(|(id, dispatch)| {
        if let Some(span) = registry(dispatch).and_then(|registry| registry.span(id)) {
            span.extensions_mut().insert(Kept(remote));
        }
    });
    id
}

/// Returns the headers that pass the current trace on to a called service, or none without a trace.
pub fn headers() -> Vec<(&'static str, String)> {
    let context = match are_sent() {
        true => Some(Span::current().context()),
        false => kept(),
    };
    let Some(context) = context.filter(|context| context.span().span_context().is_valid()) else {
        return Vec::new();
    };
    let mut headers = Headers(Vec::new());
    TraceContextPropagator::new().inject_context(&context, &mut headers);
    headers.0
}

/// Returns the trace context that the nearest enclosing span has stored.
fn kept() -> Option<Context> {
    dispatcher::get_default(|dispatch| {
        let current = dispatch.current_span();
        let span = registry(dispatch)?.span(current.id()?)?;
        span.scope().find_map(|span| {
            let extensions = span.extensions();
            extensions
                .get::<Kept>()
                .map(|Kept(context)| context.clone())
        })
    })
}

fn registry(dispatch: &Dispatch) -> Option<&Registry> {
    dispatch.downcast_ref()
}

fn trace_id(context: &SpanContext) -> Option<String> {
    context.is_valid().then(|| context.trace_id().to_string())
}

fn read(brought: &Brought<'_>) -> Option<Context> {
    let [traceparent] = brought.traceparent[..] else {
        return None;
    };
    let state = brought.tracestate.join(",");
    let values = Values {
        traceparent: traceparent.trim(),
        tracestate: Some(state).filter(|state| state.len() <= MAX_STATE_BYTES),
    };
    if !is_well_formed(values.traceparent) {
        return None;
    }
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &values);
    context.span().span_context().is_valid().then_some(context)
}

/// Whether the value is `00-<32 digits>-<16 digits>-<2 digits>`, or a later version that starts like this. The library
/// would also accept shorter IDs.
fn is_well_formed(traceparent: &str) -> bool {
    let mut parts = traceparent.split('-');
    let lengths = [2, 32, 16, 2];
    lengths.into_iter().all(|length| {
        let part = parts.next().unwrap_or_default();
        part.len() == length
            && part
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

struct Values<'a> {
    traceparent: &'a str,
    tracestate: Option<String>,
}

impl Extractor for Values<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            TRACEPARENT => Some(self.traceparent),
            TRACESTATE => self.tracestate.as_deref(),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT, TRACESTATE]
    }
}

struct Headers(Vec<(&'static str, String)>);

impl Injector for Headers {
    fn set(&mut self, key: &str, value: String) {
        let names = [TRACEPARENT, TRACESTATE];
        let name = names.into_iter().find(|name| *name == key);
        self.0
            .extend(name.filter(|_| !value.is_empty()).map(|name| (name, value)));
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn passed_on(traceparent: &[&str], tracestate: &[&str]) -> Vec<(&'static str, String)> {
        let brought = Brought {
            traceparent: traceparent.to_vec(),
            tracestate: tracestate.to_vec(),
        };
        let registry = tracing_subscriber::registry().with(tracing_subscriber::fmt::layer());
        tracing::subscriber::with_default(registry, || {
            let span = tracing::info_span!("request");
            join(&span, &brought);
            let _request = span.entered();
            let _step = tracing::info_span!("step").entered();
            headers()
        })
    }

    #[test]
    fn the_trace_context_of_a_request_is_passed_on_unchanged_from_inner_spans() {
        assert_eq!(
            passed_on(&[PARENT], &[]),
            [(TRACEPARENT, PARENT.to_owned())]
        );
        let passed = passed_on(&[PARENT], &["a=1", "b=2"]);
        let expected = [
            (TRACEPARENT, PARENT.to_owned()),
            (TRACESTATE, "a=1,b=2".to_owned()),
        ];
        assert!(
            expected.iter().all(|header| passed.contains(header)),
            "{passed:?}"
        );
        let later = PARENT.replacen("00", "01", 1) + "-and-more";
        assert_eq!(
            passed_on(&[&later], &[]),
            [(TRACEPARENT, PARENT.to_owned())]
        );
    }

    #[test]
    fn an_invalid_traceparent_is_ignored() {
        let upper = PARENT.to_ascii_uppercase();
        let zeros = PARENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32));
        for traceparent in [
            "",
            "00",
            "00-4bf92f35-00f067aa-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
            &upper,
            &zeros,
        ] {
            assert_eq!(passed_on(&[traceparent], &["a=1"]), [], "{traceparent}");
        }
        assert_eq!(passed_on(&[], &["a=1"]), []);
        assert_eq!(passed_on(&[PARENT, PARENT], &[]), []);
    }

    #[test]
    fn an_invalid_or_too_long_tracestate_is_dropped() {
        let only_parent = [(TRACEPARENT, PARENT.to_owned())];
        // A value has at most 256 characters.
        let state = |length: usize| {
            let value = "x".repeat(254);
            format!("a={value},b={}", "y".repeat(length - value.len() - 5))
        };
        assert_eq!(passed_on(&[PARENT], &[&state(MAX_STATE_BYTES)]).len(), 2);
        assert_eq!(
            passed_on(&[PARENT], &[&state(MAX_STATE_BYTES + 1)]),
            only_parent
        );
        assert_eq!(passed_on(&[PARENT], &["no state"]), only_parent);
    }

    #[test]
    fn there_is_no_trace_outside_requests() {
        assert_eq!(headers(), []);
    }
}

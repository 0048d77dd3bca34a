//! [W3C trace context](https://www.w3.org/TR/trace-context/): which trace a request belongs to, and which one is told to the
//! services that are called for it.
//!
//! Where spans are sent to a collector, the trace is that of the span. Where they are not, what a request brought is kept with
//! its span and passed on as it came, and a request that brought nothing belongs to no trace.

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

/// Longest `tracestate` that is passed on: what everybody has to take at least, by section 3.3.1.5.
const MAX_STATE_BYTES: usize = 512;

/// Whether spans are sent to a collector.
static SENT: AtomicBool = AtomicBool::new(false);

pub(crate) fn are_sent_from_now_on() {
    SENT.store(true, Ordering::Relaxed);
}

/// Whether spans are sent to a collector.
pub fn are_sent() -> bool {
    SENT.load(Ordering::Relaxed)
}

/// What a request brought: the values of its `traceparent` headers, and of its `tracestate` headers.
#[derive(Clone, Debug, Default)]
pub struct Brought<'a> {
    /// More than one is as good as none.
    pub traceparent: Vec<&'a str>,
    /// Several are one list.
    pub tracestate: Vec<&'a str>,
}

/// What a request brought, kept with its span.
struct Kept(Context);

/// Puts a span that has just been made into the trace that its request brought, and returns the trace's id as 32 digits.
/// None where it brought none that can be read, and no spans are sent.
pub fn join(span: &Span, brought: &Brought<'_>) -> Option<String> {
    let remote = read(brought);
    if are_sent() {
        if let Some(remote) = remote {
            // Fails for a span that nobody wants to have: then there is nothing to put anywhere.
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

/// The headers that tell a service which trace it is called for. None where there is no trace.
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

/// What the nearest span around here has kept.
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

/// `00-<32 digits>-<16 digits>-<2 digits>`, or a later version that begins like that. The library takes shorter ids too.
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
    fn what_a_request_brought_is_passed_on_as_it_came_from_any_span_inside() {
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
    fn what_can_not_be_read_is_no_trace() {
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
    fn a_state_that_is_too_long_or_can_not_be_read_is_left_out() {
        let only_parent = [(TRACEPARENT, PARENT.to_owned())];
        // A value has 256 characters at most.
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
    fn outside_of_all_requests_there_is_no_trace() {
        assert_eq!(headers(), []);
    }
}

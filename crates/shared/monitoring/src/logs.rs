//! Logs: filters, formats and output.

use std::env;
use std::io::{self, IsTerminal};
use std::str::FromStr;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::adapters::otlp::SpanExport;
use crate::traces;

/// The format of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people, coloured on a terminal.
    Pretty,
    /// One JSON object per line: `timestamp`, `level`, `target`, the event's fields, and its `spans`, outermost first.
    Json,
}

/// The error for a name that is neither `pretty` nor `json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be pretty or json")]
pub struct UnknownLogFormat;

impl FromStr for LogFormat {
    type Err = UnknownLogFormat;

    fn from_str(text: &str) -> Result<Self, UnknownLogFormat> {
        match text {
            "pretty" => Ok(Self::Pretty),
            "json" => Ok(Self::Json),
            _ => Err(UnknownLogFormat),
        }
    }
}

/// Starts writing logs to standard output. The filter comes from `OMS_LOG`, otherwise `RUST_LOG`, otherwise
/// `default_filter`, in the [syntax of
/// tracing](https://docs.rs/tracing-subscriber/latest/tracing_subscriber/filter/struct.EnvFilter.html), such as
/// `info,oms_orders=debug`. With `spans`, spans are also exported, regardless of the filter.
///
/// Only the first call in a process has an effect.
///
/// # Panics
/// If `default_filter` is invalid, which is a bug.
pub fn init(format: LogFormat, default_filter: &str, spans: Option<&SpanExport>) {
    let variable = |name| env::var(name).ok();
    let (filter, problem) = filter(
        variable("OMS_LOG").or_else(|| variable("RUST_LOG")),
        default_filter,
    );
    let colours = io::stdout().is_terminal() && variable("NO_COLOR").is_none_or(|no| no.is_empty());
    let initialised = match spans {
        None => subscriber(format, filter, io::stdout, colours).try_init(),
        Some(spans) => sending(format, filter, colours, spans).try_init(),
    };
    // Fails if a subscriber is already installed, which then stays.
    if initialised.is_ok()
        && let Some(problem) = problem
    {
        tracing::warn!(problem, "the log filter in the environment is invalid");
    }
}

/// A target that is off unless a filter names it exactly: actix-web logs malformed requests of strangers as errors.
const LEFT_OUT: &str = "actix_http::h1::dispatcher=off";

/// Parses the given filter. If it is invalid, returns the default one and the error.
fn filter(asked: Option<String>, default: &str) -> (EnvFilter, Option<String>) {
    let parse = |text: &str| EnvFilter::try_new(format!("{LEFT_OUT},{text}"));
    let default = || parse(default).expect("the default log filter is valid");
    match asked.filter(|text| !text.trim().is_empty()) {
        None => (default(), None),
        Some(text) => match parse(&text) {
            Ok(filter) => (filter, None),
            Err(error) => (default(), Some(format!("{text}: {error}"))),
        },
    }
}

/// Creates a subscriber that also exports spans. The log's filter applies only to the log, because filtered spans must
/// still be exported.
fn sending(
    format: LogFormat,
    filter: EnvFilter,
    colours: bool,
    spans: &SpanExport,
) -> impl Subscriber + Send + Sync + for<'span> LookupSpan<'span> + use<> {
    let sent = OpenTelemetryLayer::new(spans.tracer())
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        // Spans of the exporter's own requests must not be exported, which would cause more requests.
        .with_filter(Targets::new().with_target("oms", LevelFilter::INFO));
    let log = fmt::layer();
    let log = match format {
        LogFormat::Pretty => log.with_ansi(colours).boxed(),
        LogFormat::Json => log
            .with_ansi(false)
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(true)
            .boxed(),
    };
    traces::are_sent_from_now_on();
    tracing_subscriber::registry()
        .with(sent)
        .with(log.with_filter(filter))
}

fn subscriber<W>(
    format: LogFormat,
    filter: EnvFilter,
    writer: W,
    colours: bool,
) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let builder = fmt::Subscriber::builder()
        .with_env_filter(filter)
        .with_writer(writer);
    match format {
        LogFormat::Pretty => Box::new(builder.with_ansi(colours).finish()),
        LogFormat::Json => Box::new(
            builder
                .with_ansi(false)
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(true)
                .finish(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, asked: Option<&str>) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let (filter, _) = filter(asked.map(str::to_owned), "info");
        let subscriber = subscriber(format, filter, move || writer.clone(), false);
        tracing::subscriber::with_default(subscriber, || {
            let _request = tracing::info_span!("request", request_id = "r-1").entered();
            let _step = tracing::info_span!("step").entered();
            tracing::info!(orders = 2, "placed");
            tracing::debug!("details");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_json_line_has_the_fields_of_its_event_and_of_all_its_spans() {
        let text = logged(LogFormat::Json, None);
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "placed");
        assert_eq!(line["orders"], 2);
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["spans"][0]["request_id"], "r-1");
        assert_eq!(line["spans"][1]["name"], "step");
        let timestamp = line["timestamp"].as_str().unwrap();
        assert!(
            timestamp.contains('T') && timestamp.ends_with('Z'),
            "{timestamp}"
        );
    }

    #[test]
    fn a_pretty_line_has_no_colours_without_a_terminal() {
        let text = logged(LogFormat::Pretty, None);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            text.contains("placed orders=2") && text.contains("r-1"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn the_environment_overrides_the_default_filter() {
        assert!(logged(LogFormat::Pretty, Some("debug")).contains("details"));
        assert!(logged(LogFormat::Pretty, Some("off")).is_empty());
        assert!(logged(LogFormat::Pretty, Some("  ")).contains("placed"));
    }

    #[test]
    fn an_invalid_filter_is_reported_and_the_default_is_used() {
        let (used, problem) = filter(Some("oms=loud".into()), "warn");
        let (default, _) = filter(None, "warn");
        assert_eq!(used.to_string(), default.to_string());
        assert!(used.to_string().ends_with("warn"), "{used}");
        assert!(problem.unwrap().starts_with("oms=loud: "));
    }

    #[test]
    fn formats_are_parsed_by_name() {
        assert_eq!("json".parse(), Ok(LogFormat::Json));
        assert_eq!("pretty".parse(), Ok(LogFormat::Pretty));
        assert_eq!("JSON".parse::<LogFormat>(), Err(UnknownLogFormat));
    }
}

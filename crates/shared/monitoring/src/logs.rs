//! Logs: what is written, how, and where to.

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

/// What a log line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people, in colours on a terminal.
    Pretty,
    /// One JSON object per line: `timestamp`, `level`, `target`, the event's fields, and its `spans`, outermost first.
    Json,
}

/// Neither `pretty` nor `json`.
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

/// Starts writing logs to standard output. `OMS_LOG`, else `RUST_LOG`, else `default_filter` says which, in the
/// [syntax of tracing](https://docs.rs/tracing-subscriber/latest/tracing_subscriber/filter/struct.EnvFilter.html),
/// such as `info,oms_orders=debug`. With `spans` they are sent as well, whatever the filter.
///
/// The first call in a process counts; later ones change nothing.
///
/// # Panics
/// When `default_filter` can't be read: that is a bug.
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
    // Fails when there is one already: then that one stays.
    if initialised.is_ok()
        && let Some(problem) = problem
    {
        tracing::warn!(problem, "the log filter of the environment can't be read");
    }
}

/// What is left out unless it is asked for by this very name: actix-web logs what strangers send instead of HTTP as errors.
const LEFT_OUT: &str = "actix_http::h1::dispatcher=off";

/// The filter that is asked for, or the default one and what is wrong with the other.
fn filter(asked: Option<String>, default: &str) -> (EnvFilter, Option<String>) {
    let parse = |text: &str| EnvFilter::try_new(format!("{LEFT_OUT},{text}"));
    let default = || parse(default).expect("the default log filter can be read");
    match asked.filter(|text| !text.trim().is_empty()) {
        None => (default(), None),
        Some(text) => match parse(&text) {
            Ok(filter) => (filter, None),
            Err(error) => (default(), Some(format!("{text}: {error}"))),
        },
    }
}

/// Logs as without it, and sends spans, which have to be there for that even where the log does not want them.
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
        // What the exporter's own requests say must not make more of them.
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
    fn a_json_line_carries_the_fields_of_its_event_and_of_all_its_spans() {
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
    fn a_line_for_people_is_plain_text_where_there_is_no_terminal() {
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
    fn a_filter_that_can_not_be_read_is_reported_and_the_default_stays() {
        let (used, problem) = filter(Some("oms=loud".into()), "warn");
        let (default, _) = filter(None, "warn");
        assert_eq!(used.to_string(), default.to_string());
        assert!(used.to_string().ends_with("warn"), "{used}");
        assert!(problem.unwrap().starts_with("oms=loud: "));
    }

    #[test]
    fn formats_are_read_by_name() {
        assert_eq!("json".parse(), Ok(LogFormat::Json));
        assert_eq!("pretty".parse(), Ok(LogFormat::Pretty));
        assert_eq!("JSON".parse::<LogFormat>(), Err(UnknownLogFormat));
    }
}

//! `GET /console/live`: the metrics of the process that answers, of the last 15 minutes.

use askama::Template;

use super::frame::{Frame, Section};
use super::page::{Answer, page};
use super::page_request::PageRequest;
use crate::live::{Series, Shown};
use crate::pictures::{Sparkline, sparkline};

#[derive(Template)]
#[template(path = "live.html")]
struct LivePage {
    frame: Frame,
    instance: String,
    tiles: Vec<Tile>,
}

struct Tile {
    label: &'static str,
    value: String,
    unit: &'static str,
    tone: &'static str,
    picture: String,
}

/// What a tile shows.
struct Shape {
    label: &'static str,
    unit: &'static str,
    /// What the value of the metric is multiplied by, such as 1000 for milliseconds.
    factor: f64,
    /// From which value on it is worth a look.
    alarming: f64,
    series: Series,
}

const fn shape(
    label: &'static str,
    unit: &'static str,
    (factor, alarming): (f64, f64),
    name: &'static str,
    labels: &'static [&'static str],
    shown: Shown,
) -> Shape {
    let series = Series {
        name,
        labels,
        shown,
    };
    Shape {
        label,
        unit,
        factor,
        alarming,
        series,
    }
}

const NEVER: f64 = f64::INFINITY;
const P99: Shown = Shown::Quantile(0.99);
const PLACING: &[&str] = &["method=\"POST\"", "route=\"/orders\""];

/// The tiles, the most telling first.
const TILES: [Shape; 12] = [
    shape(
        "Orders",
        "per second",
        (1.0, NEVER),
        "oms_orders_total",
        &[],
        Shown::Rate,
    ),
    shape(
        "Placing an order, p99",
        "ms at most",
        (1000.0, 2000.0),
        "oms_http_request_duration_seconds",
        PLACING,
        P99,
    ),
    shape(
        "Requests",
        "per second",
        (1.0, NEVER),
        "oms_http_requests_total",
        &[],
        Shown::Rate,
    ),
    shape(
        "In flight",
        "requests",
        (1.0, NEVER),
        "oms_http_requests_in_flight",
        &[],
        Shown::Gauge,
    ),
    shape(
        "Sweeper is behind",
        "s",
        (1.0, 60.0),
        "oms_sweep_lag_seconds",
        &[],
        Shown::Gauge,
    ),
    shape(
        "Dead letters",
        "open",
        (1.0, 1.0),
        "oms_dead_letters_open",
        &[],
        Shown::Gauge,
    ),
    shape(
        "Database connections",
        "in use",
        (1.0, NEVER),
        "oms_database_connections",
        &["state=\"in_use\""],
        Shown::Gauge,
    ),
    shape(
        "Waiting for a connection, p99",
        "ms at most",
        (1000.0, 1000.0),
        "oms_database_connection_wait_seconds",
        &[],
        P99,
    ),
    shape(
        "Orders placed together",
        "on average",
        (1.0, NEVER),
        "oms_batch_size",
        &["kind=\"place\""],
        Shown::Mean,
    ),
    shape(
        "Event relay is behind",
        "s",
        (1.0, 10.0),
        "oms_events_relay_lag_seconds",
        &[],
        Shown::Gauge,
    ),
    shape(
        "Webhooks are behind",
        "events",
        (1.0, 1000.0),
        "oms_webhook_backlog_events",
        &[],
        Shown::Gauge,
    ),
    shape(
        "Circuit breakers",
        "open or half-open",
        (1.0, 1.0),
        "oms_breaker_state",
        &[],
        Shown::Gauge,
    ),
];

/// `GET /console/live`.
pub(super) async fn live(request: Box<PageRequest>) -> Answer {
    let live = &request.console.live;
    let tiles = TILES.iter().map(|shape| {
        let values = live.values(&shape.series);
        let values = values
            .into_iter()
            .map(|value| value.map(|it| it * shape.factor));
        shape.tile(&values.collect::<Vec<_>>())
    });
    let shown = LivePage {
        frame: request.frame(Section::Live, "Live"),
        instance: live.instance().to_owned(),
        tiles: tiles.collect(),
    };
    page(&shown)
}

impl Shape {
    fn tile(&self, values: &[Option<f64>]) -> Tile {
        let latest = values.last().copied().flatten();
        Tile {
            label: self.label,
            value: latest.map_or_else(|| "–".to_owned(), number),
            unit: self.unit,
            tone: match latest.is_some_and(|it| it >= self.alarming) {
                true => "bad",
                false => "",
            },
            picture: sparkline(&Sparkline {
                label: &format!("{}, {}, last 15 minutes", self.label, self.unit),
                values,
                top: None,
            }),
        }
    }
}

/// A number with as many digits as people read.
fn number(value: f64) -> String {
    match value {
        value if value.fract() == 0.0 || value >= 100.0 => format!("{value:.0}"),
        value => format!("{value:.1}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::WANTED;

    #[test]
    fn a_tile_without_a_value_says_so() {
        let tile = TILES[5].tile(&[Some(1.0), None]);
        assert_eq!((tile.value.as_str(), tile.tone), ("–", ""));
        let tile = TILES[5].tile(&[None, Some(2.0)]);
        assert_eq!((tile.value.as_str(), tile.tone), ("2", "bad"));
    }

    #[test]
    fn the_metrics_that_are_kept_are_those_that_tiles_show() {
        for tile in &TILES {
            let name = tile.series.name;
            assert!(
                WANTED.iter().any(|wanted| name.starts_with(wanted)),
                "{name}"
            );
        }
        for wanted in WANTED {
            let mut names = TILES.iter().map(|tile| tile.series.name);
            assert!(names.any(|name| name.starts_with(wanted)), "{wanted}");
        }
    }

    #[test]
    fn numbers_are_short() {
        let shown = [0.0, 3.0, 3.125, 184.4].map(number);
        assert_eq!(shown, ["0", "3", "3.1", "184"]);
    }
}

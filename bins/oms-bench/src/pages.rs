//! Measures how long the pages of the operators' console take with many stored orders.

use std::io::stdout;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use hyper::{Request, Response};
use serde::Serialize;
use serde_json::json;

use crate::command::say;
use crate::database::RUN;
use crate::dataset::{product_id, warehouse_id};
use crate::http::Connection;
use crate::latencies::{Latencies, Percentiles};
use crate::machine::{self, Machine};
use crate::measure::Bench;
use crate::programs::Program;
use crate::report::print_targets;
use crate::stored_orders::StoredOrders;
use crate::targets::{Bound, Target};
use crate::traffic::Known;
use crate::workload::Workload;

/// Pages that don't depend on an order.
const PAGES: [&str; 18] = [
    "/console",
    "/console/orders?status=PAID",
    "/console/orders?status=CANCELLED",
    "/console/orders?disputed=yes",
    "/console/orders?sort=oldest",
    "/console/dead-letters",
    "/console/findings",
    "/console/stock",
    "/console/picking",
    "/console/holds",
    "/console/returns",
    "/console/warehouses",
    "/console/products",
    "/console/imports",
    "/console/webhooks",
    "/console/events",
    "/console/live",
    "/console/settings",
];

/// The parameters of the measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visiting {
    /// Number of stored orders.
    pub(crate) stored: u32,
    /// Number of requests for each page.
    pub(crate) visits: usize,
}

/// The results of one page.
#[derive(Clone, Debug, Serialize)]
struct Visited {
    page: String,
    /// Until the last byte, so at least as long as until the first one.
    #[serde(flatten)]
    latencies: Percentiles,
    /// The size of the largest answer, without compression.
    bytes: usize,
}

/// Measures, and writes `pages.json`.
pub(crate) async fn run(bench: &Bench, visiting: Visiting, output: &Path) -> Result<()> {
    let machine = Machine::look(&bench.cluster.version, output)?;
    let scene = Workload::Uniform.scene();
    let database = bench.cluster.build(&scene.dataset).await?;
    let began = Instant::now();
    let mut stored = StoredOrders::place_first(bench, &scene, visiting.stored).await?;
    stored.grow_to(&bench.cluster, visiting.stored).await?;
    say(&format!(
        "  {} orders stored after {:.0} s",
        visiting.stored,
        began.elapsed().as_secs_f64()
    ));
    let orders = stored.some(&database).await?;
    drop(database);
    let url = bench.cluster.application_url(RUN);
    let api = Program::api(&bench.places, &url, bench.gateway, None).await?;
    let link = bench.places.console_link(&url).await?;
    let mut operator = Operator::sign_in(Connection::open(api.address).await?, &link).await?;
    let mut visited = Vec::new();
    for page in PAGES {
        let paths = vec![page.to_owned(); visiting.visits];
        visited.push(operator.visit(page, &paths).await?);
    }
    for (name, paths) in pages_of(&orders, visiting.visits) {
        visited.push(operator.visit(name, &paths).await?);
    }
    visited.push(operator.turn_pages(visiting.visits).await?);
    api.stop().await.context("the API did not stop properly")?;
    let targets = targets(&visited);
    print_targets(&targets, &mut stdout().lock())?;
    let report = json!({
        "machine": machine, "commit": machine::commit(), "orders": visiting.stored, "targets": targets,
        "pages": visited,
    });
    std::fs::write(output.join("pages.json"), format!("{report:#}\n"))?;
    bench.cluster.clean_up().await
}

fn targets(visited: &[Visited]) -> Vec<Target> {
    let slowest = visited.iter().map(|page| page.latencies.p95_ms);
    let largest = visited.iter().map(|page| page.bytes).max();
    let largest = largest
        .and_then(|bytes| u32::try_from(bytes).ok())
        .map(f64::from);
    vec![
        Target::of(
            "slowest page of the console: p95",
            "ms",
            Bound::AtMost(50.0),
            slowest.reduce(f64::max),
        ),
        Target::of(
            "largest page of the console",
            "bytes",
            Bound::AtMost(60_000.0),
            largest,
        ),
    ]
}

/// Pages whose address differs from visit to visit.
fn pages_of(orders: &[Known], visits: usize) -> [(&'static str, Vec<String>); 4] {
    let paths = |path: fn(&Known) -> String| orders.iter().map(path).take(visits).collect();
    let level = |number| format!("/console/stock/{}/{}", warehouse_id(1), product_id(number));
    let levels = (1..).take(visits.min(10)).cycle().take(visits);
    [
        (
            "an order",
            paths(|order| format!("/console/orders/{}", order.order_id)),
        ),
        (
            "searching an ID",
            paths(|order| format!("/console/search?q={}", order.order_id)),
        ),
        (
            "searching a reference that no order has",
            paths(|order| format!("/console/search?q=none-{}", order.number)),
        ),
        ("a stock level", levels.map(level).collect()),
    ]
}

/// Somebody who is signed in.
struct Operator {
    connection: Connection,
    cookie: String,
}

impl Operator {
    /// Signs in with a link that works once.
    async fn sign_in(mut connection: Connection, link: &str) -> Result<Self> {
        let (_, token) = link.split_once("token=").context("a link has a token")?;
        let form = Request::post("/console/sign-in/link")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(Full::from(format!("token={}", token.trim())))?;
        let answer = connection.ask(form).await?;
        let cookie = answer.headers().get(SET_COOKIE);
        let cookie = cookie.with_context(|| format!("no session: {}", answer.status()))?;
        let cookie = cookie.to_str()?.split(';').next().unwrap_or_default();
        Ok(Self {
            cookie: cookie.to_owned(),
            connection,
        })
    }

    /// Requests each path once, after the first one, which does not count.
    async fn visit(&mut self, page: &str, paths: &[String]) -> Result<Visited> {
        let mut visits = Visits::new(page)?;
        if let Some(first) = paths.first() {
            self.get(first).await?;
        }
        for path in paths {
            let begun = Instant::now();
            let answer = self.get(path).await?;
            visits.count(begun, &answer);
        }
        Ok(visits.done())
    }

    /// Follows the links to the next page of the list of orders.
    async fn turn_pages(&mut self, visits: usize) -> Result<Visited> {
        let mut turned = Visits::new("one page of orders after another")?;
        let mut path = "/console/orders".to_owned();
        for _ in 0..visits {
            let begun = Instant::now();
            let answer = self.get(&path).await?;
            turned.count(begun, &answer);
            let text = std::str::from_utf8(answer.body())?;
            let Some(next) = next_of(text) else { break };
            path = next;
        }
        Ok(turned.done())
    }

    async fn get(&mut self, path: &str) -> Result<Response<Bytes>> {
        let request = Request::get(path).header(COOKIE, &self.cookie);
        let answer = self.connection.ask(request.body(Full::default())?).await?;
        let leads_to_an_order = answer.headers().get(LOCATION).is_some_and(|location| {
            location
                .to_str()
                .is_ok_and(|to| to.contains("/console/orders/"))
        });
        ensure!(
            answer.status().is_success() || leads_to_an_order,
            "{path} was answered {}",
            answer.status()
        );
        Ok(answer)
    }
}

/// The address to which a list's link to the next page leads.
fn next_of(page: &str) -> Option<String> {
    let links = page.split("href=\"").skip(1);
    let mut addresses = links.filter_map(|link| link.split_once('"').map(|(address, _)| address));
    let next = addresses.find(|address| address.contains("after="))?;
    Some(next.replace("&amp;", "&").replace("&#38;", "&"))
}

/// The visits to one page.
struct Visits {
    page: String,
    latencies: Latencies,
    bytes: usize,
}

impl Visits {
    fn new(page: &str) -> Result<Self> {
        Ok(Self {
            page: page.to_owned(),
            latencies: Latencies::new()?,
            bytes: 0,
        })
    }

    fn count(&mut self, begun: Instant, answer: &Response<Bytes>) {
        self.latencies.record(begun.elapsed());
        self.bytes = self.bytes.max(answer.body().len());
    }

    fn done(self) -> Visited {
        let visited = Visited {
            latencies: self.latencies.percentiles(),
            page: self.page,
            bytes: self.bytes,
        };
        say(&format!(
            "· {}: p50 {:.1} ms, p95 {:.1} ms, {} bytes",
            visited.page, visited.latencies.p50_ms, visited.latencies.p95_ms, visited.bytes
        ));
        visited
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_the_one_that_the_list_links_to() {
        let page = r#"<a href="/console/orders">all</a> <a href="/console/orders?status=PAID&#38;after=x_1">Next</a>"#;
        let next = next_of(page);
        assert_eq!(
            next.as_deref(),
            Some("/console/orders?status=PAID&after=x_1")
        );
        assert_eq!(
            next_of(r#"<a href="/console/orders">after= nothing</a>"#),
            None
        );
    }
}

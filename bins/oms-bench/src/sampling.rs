//! Places one order through the API to capture its statements.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use hyper::Method;
use hyper::body::Bytes;
use serde_json::json;
use uuid::Uuid;

use crate::ceiling::{self, Sample, Script, Shape};
use crate::database::RUN;
use crate::dataset::{TENANT, product_id};
use crate::http::Connection;
use crate::invariants;
use crate::load::Window;
use crate::measure::Bench;
use crate::options::Gateway;
use crate::programs::Program;
use crate::traffic::Cancels;
use crate::workload::{Lines, Scene, Workload};

const CUSTOMER: Uuid = Uuid::from_u128(0xaaaa_aaaa_aaaa_4aaa_8aaa_aaaa_aaaa_aaaa);
const SAMPLE_KEY: &str = "bench-sample";

impl Bench {
    /// Creates a script of an order's statements in a workload, and checks that the invariants detect their defects.
    pub(crate) async fn capture(&mut self, workload: Workload) -> Result<Script> {
        let scene = workload.scene();
        let database = self.cluster.fresh(&scene.dataset).await?;
        let script = self.sample(&scene).await?;
        invariants::check_that_rules_notice(&database).await?;
        Ok(script)
    }

    /// How long the run's database takes to route an order, in milliseconds: the median, including one round trip.
    pub(crate) async fn routing_ms(&mut self, scene: &Scene) -> Result<f64> {
        let script = self.sample(scene).await?.routing()?;
        let url = self.cluster.application_url(RUN);
        let postmaster = self.cluster.postmaster;
        let window = Window::of_ms(500, 1000);
        let routed = self
            .pgbench
            .run(&script, Shape::AsSent, &url, 1, window, postmaster)
            .await?;
        Ok(routed.latencies.percentiles().p50_ms)
    }

    /// Places an order through the API on the run's database, and creates a script of its statements.
    pub(crate) async fn sample(&mut self, scene: &Scene) -> Result<Script> {
        self.cluster.log_statements().await?;
        let url = self.cluster.application_url(RUN);
        let api = Program::api(&self.places, &url, Gateway::Instant, None).await?;
        let mut connection = Connection::open(api.address).await?;
        let first = place(&mut connection, scene, "bench-first").await?;
        self.cancels = cancels(api.address, first).await?;
        let from = ceiling::log_length(&self.server_log)?;
        let order_id = place(&mut connection, scene, SAMPLE_KEY).await?;
        drop(connection);
        api.stop().await?;
        self.cluster.log_no_statements().await?;
        let sample = Sample {
            scene,
            order_id,
            key: SAMPLE_KEY,
            place: scene.dataset.place_of(1),
            products: products(scene).map(product_id).collect(),
            fixed: vec![TENANT.parse()?, CUSTOMER],
        };
        ceiling::capture(&self.server_log, from, &sample)
    }
}

/// Whether the server can cancel an order. Uses its own connection, because a server that does not know the path may
/// close it.
async fn cancels(address: SocketAddr, order_id: Uuid) -> Result<Cancels> {
    let mut connection = Connection::open(address).await?;
    let path = format!("/orders/{order_id}/cancel");
    let body = Bytes::from_static(b"{}");
    let (status, _) = connection.send(Method::POST, &path, None, body).await?;
    Ok(match status.as_u16() {
        200 | 202 | 409 => Cancels::Offered,
        _ => Cancels::Missing,
    })
}

fn products(scene: &Scene) -> std::ops::RangeInclusive<u32> {
    match scene.demand.lines {
        Lines::Same => 1..=1,
        Lines::Random(count) => 1..=count,
    }
}

/// Places an order at the exact place of the first warehouse, whose coordinates are exact in any notation.
async fn place(connection: &mut Connection, scene: &Scene, key: &str) -> Result<Uuid> {
    let (lat, lng) = scene.dataset.place_of(1);
    let items: Vec<_> = products(scene)
        .map(|number| json!({ "productId": product_id(number), "quantity": 1 }))
        .collect();
    let body = json!({
        "customerId": CUSTOMER,
        "shippingAddress": { "line1": "1 Bench Street", "city": "Springfield", "location": { "lat": lat, "lng": lng } },
        "items": items,
        "creditCardNumber": "4111111111111111",
    });
    let (status, answer) = connection
        .send(
            Method::POST,
            "/orders",
            Some(key),
            Bytes::from(body.to_string()),
        )
        .await?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    ensure!(
        status.as_u16() == 201,
        "the sampled order was answered {status}: {text}"
    );
    let answer: serde_json::Value = serde_json::from_slice(&answer)?;
    answer["orderId"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .with_context(|| format!("no orderId in {text}"))
}

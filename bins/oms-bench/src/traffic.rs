//! The requests of a workload, prepared before the clock starts, and their expected answers.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use uuid::Uuid;

use crate::dataset::{product_id, warehouse_id};
use crate::workload::{JITTER, Lines, Near, Scene, Workload};

/// Number of different bodies in a run. A run with more orders reuses them with new keys.
const BODIES: usize = 8192;
/// A test card that every system measured so far accepts.
const CARD: &str = "4111111111111111";
const CUSTOMER: &str = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";

/// One order's body, and the warehouse that must fill it.
#[derive(Clone, Debug)]
struct Body {
    json: Bytes,
    warehouse: Uuid,
}

/// An order that the server has stored.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) order_id: Uuid,
    /// The number of the request that placed it.
    pub(crate) number: u64,
    pub(crate) key: String,
}

/// The purpose of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Place,
    Replay,
    Read,
    Cancel,
    Ship,
    ShipMany,
}

/// Number of shipments in a request of [`Workload::Bulk`].
const BULK: u64 = 100;

/// A prepared request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) purpose: Purpose,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) key: Option<String>,
    pub(crate) body: Bytes,
    number: u64,
}

/// Whether the server can cancel orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancels {
    Offered,
    Missing,
}

/// Whether the warehouse in an answer can be checked: only if the catalogue is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Routing {
    Checked,
    Unknown,
}

/// The requests of one run.
pub(crate) struct Traffic {
    pub(crate) workload: Workload,
    cancels: Cancels,
    routing: Routing,
    bodies: Vec<Body>,
    keys: String,
    next: AtomicU64,
    known: Mutex<Vec<Known>>,
    /// The fulfilment orders of the known orders.
    works: Mutex<Vec<Uuid>>,
}

impl Traffic {
    /// Prepares a run. The same seed makes the same requests; keys are always new.
    pub(crate) fn new(
        workload: Workload,
        scene: &Scene,
        cancels: Cancels,
        routing: Routing,
        seed: u64,
    ) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let bodies = (0..BODIES).map(|_| body(scene, &mut random));
        Self {
            workload,
            cancels,
            routing,
            bodies: bodies.collect(),
            keys: format!("bench-{}", Uuid::new_v4().simple()),
            next: AtomicU64::new(0),
            known: Mutex::new(Vec::new()),
            works: Mutex::new(Vec::new()),
        }
    }

    /// Returns the next request of the workload.
    pub(crate) fn next(&self) -> Request {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        match self.purpose(number) {
            Purpose::Ship => return self.ship(number),
            Purpose::ShipMany => return self.ship_many(number),
            _ => {}
        }
        match (self.purpose(number), self.pick(number)) {
            (Purpose::Place | Purpose::Ship | Purpose::ShipMany, _) | (_, None) => {
                self.place(number)
            }
            (Purpose::Replay, Some(known)) => Request {
                purpose: Purpose::Replay,
                key: Some(known.key),
                ..self.place(known.number)
            },
            (Purpose::Read, Some(known)) => Request {
                purpose: Purpose::Read,
                method: Method::GET,
                path: format!("/orders/{}", known.order_id),
                key: None,
                body: Bytes::new(),
                number: known.number,
            },
            (Purpose::Cancel, Some(known)) => Request {
                purpose: Purpose::Cancel,
                method: Method::POST,
                path: format!("/orders/{}/cancel", known.order_id),
                key: None,
                body: Bytes::from_static(b"{}"),
                number: known.number,
            },
        }
    }

    /// Returns a new order in any workload: replays and reads need orders to begin with.
    pub(crate) fn next_order(&self) -> Request {
        self.place(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether orders must be placed before the first request.
    pub(crate) fn needs_orders(&self) -> bool {
        self.workload.asks_for_orders() && self.lock_known().is_empty()
    }

    /// Returns the orders that are known to be stored at the server.
    pub(crate) fn known(&self) -> Vec<Known> {
        self.lock_known().clone()
    }

    /// Adds orders that were stored in another way.
    pub(crate) fn learn(&self, orders: Vec<Known>) {
        self.lock_known().extend(orders);
    }

    /// Adds the fulfilment orders that are shipped.
    pub(crate) fn learn_works(&self, works: Vec<Uuid>) {
        self.lock_works().extend(works);
    }

    /// Learns from an answer, or reports what is wrong with it.
    pub(crate) fn judge(
        &self,
        request: &Request,
        status: StatusCode,
        body: &[u8],
    ) -> Result<(), String> {
        if !self.expects(request.purpose, status.as_u16()) {
            let text = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
            return Err(format!(
                "{:?} was answered {status}: {text}",
                request.purpose
            ));
        }
        if request.purpose == Purpose::ShipMany {
            let answer = std::str::from_utf8(body).unwrap_or_default();
            if let Some((_, problem)) = answer.split_once("\"problem\":") {
                let problem: String = problem.chars().take(300).collect();
                return Err(format!("a shipment of a batch was refused: {problem}"));
            }
        }
        if request.purpose == Purpose::Place && status == StatusCode::CREATED {
            let answer = std::str::from_utf8(body).unwrap_or_default();
            let order_id = id_after(answer, "orderId").ok_or("a 201 without orderId")?;
            self.check_route(request, answer)?;
            self.lock_known().push(Known {
                order_id,
                number: request.number,
                key: request.key.clone().unwrap_or_default(),
            });
        }
        Ok(())
    }

    /// Checks that the counts of answers add up, after the last answer.
    pub(crate) fn check_totals(&self, statuses: &BTreeMap<u16, u64>) -> Result<(), String> {
        if self.workload != Workload::Flash {
            return Ok(());
        }
        let count = |status: u16| statuses.get(&status).copied().unwrap_or(0);
        match (count(201), count(422)) {
            (500, 4500) => Ok(()),
            (sold, refused) => Err(format!(
                "500 of 5000 buyers should be served and 4500 rejected, not {sold} and {refused}"
            )),
        }
    }

    fn expects(&self, purpose: Purpose, status: u16) -> bool {
        match purpose {
            Purpose::Place => status == 201 || (status == 422 && self.workload == Workload::Flash),
            // The order may have been cancelled.
            Purpose::Replay => status == 200 || (status == 409 && self.cancels == Cancels::Offered),
            Purpose::Read => status == 200,
            Purpose::Cancel => matches!(status, 200 | 202 | 409),
            Purpose::Ship => status == 201,
            Purpose::ShipMany => status == 200,
        }
    }

    fn check_route(&self, request: &Request, answer: &str) -> Result<(), String> {
        // In the flash sale it is not predictable which warehouse still has stock.
        if self.routing == Routing::Unknown || self.workload == Workload::Flash {
            return Ok(());
        }
        let expected = self.body(request.number).warehouse;
        match id_after(answer, "warehouseId") {
            Some(warehouse) if warehouse == expected => Ok(()),
            warehouse => Err(format!(
                "{expected} is the nearest warehouse that can fill the order, not {warehouse:?}"
            )),
        }
    }

    fn purpose(&self, number: u64) -> Purpose {
        match self.workload {
            Workload::Replay => Purpose::Replay,
            Workload::Reads => Purpose::Read,
            Workload::Ship => Purpose::Ship,
            Workload::Bulk => Purpose::ShipMany,
            Workload::Mixed => match number % 20 {
                0..14 => Purpose::Place,
                14..18 => Purpose::Read,
                18 => Purpose::Replay,
                _ if self.cancels == Cancels::Missing => Purpose::Place,
                _ => Purpose::Cancel,
            },
            Workload::Uniform
            | Workload::Hot
            | Workload::Flash
            | Workload::Baskets
            | Workload::Far
            | Workload::Open => Purpose::Place,
        }
    }

    /// Returns one of the known orders; a multiplier spreads consecutive numbers over all of them.
    fn pick(&self, number: u64) -> Option<Known> {
        if matches!(self.purpose(number), Purpose::Place) {
            return None;
        }
        let known = self.lock_known();
        let count = u64::try_from(known.len()).ok().filter(|count| *count > 0)?;
        let place = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % count;
        known.get(usize::try_from(place).ok()?).cloned()
    }

    fn ship(&self, number: u64) -> Request {
        Request {
            purpose: Purpose::Ship,
            method: Method::POST,
            path: format!("/fulfilment-orders/{}/shipments", self.work(number)),
            key: Some(format!("{}-ship-{number}", self.keys)),
            body: Bytes::from_static(br#"{"lines":[{"line":1,"quantity":1}]}"#),
            number,
        }
    }

    fn ship_many(&self, number: u64) -> Request {
        let items = (number * BULK..(number + 1) * BULK).map(|number| {
            json!({
                "action": "create",
                "idempotencyKey": format!("{}-ship-{number}", self.keys),
                "fulfilmentOrderId": self.work(number),
                "lines": [{ "line": 1, "quantity": 1 }],
            })
        });
        let items: Vec<_> = items.collect();
        Request {
            purpose: Purpose::ShipMany,
            method: Method::POST,
            path: "/shipments/batch".to_owned(),
            key: None,
            body: Bytes::from(json!({ "items": items }).to_string()),
            number,
        }
    }

    /// The fulfilment order of a shipment: each in turn, so that consecutive shipments are of different orders.
    fn work(&self, number: u64) -> Uuid {
        let works = self.lock_works();
        let place = usize::try_from(number).unwrap_or_default();
        works
            .get(place % works.len().max(1))
            .copied()
            .unwrap_or_default()
    }

    fn lock_works(&self) -> std::sync::MutexGuard<'_, Vec<Uuid>> {
        self.works
            .lock()
            .expect("no thread panics while holding the list")
    }

    fn place(&self, number: u64) -> Request {
        Request {
            purpose: Purpose::Place,
            method: Method::POST,
            path: "/orders".to_owned(),
            key: Some(format!("{}-{number}", self.keys)),
            body: self.body(number).json.clone(),
            number,
        }
    }

    fn body(&self, number: u64) -> &Body {
        let place = usize::try_from(number).unwrap_or(usize::MAX) % self.bodies.len();
        &self.bodies[place]
    }

    fn lock_known(&self) -> std::sync::MutexGuard<'_, Vec<Known>> {
        self.known
            .lock()
            .expect("no thread panics while holding the list")
    }
}

fn body(Scene { dataset, demand }: &Scene, random: &mut StdRng) -> Body {
    let (first, last) = dataset.stocked;
    let (near, serving) = match demand.near {
        Near::Any => {
            let any = random.random_range(first..=last);
            (any, any)
        }
        Near::First => (1, first),
    };
    let (lat, lng) = dataset.place_of(near);
    let grid = dataset.grid;
    let mut shift = |step: f64| random.random_range(-JITTER..=JITTER) * step;
    let location = json!({ "lat": lat + shift(grid.lat_step), "lng": lng + shift(grid.lng_step) });
    let items: Vec<_> = products(dataset.products, demand.lines, random)
        .into_iter()
        .map(|product| json!({ "productId": product_id(product), "quantity": demand.units }))
        .collect();
    let body = json!({
        "customerId": CUSTOMER,
        "shippingAddress": { "line1": "1 Bench Street", "city": "Springfield", "location": location },
        "items": items,
        "creditCardNumber": CARD,
    });
    Body {
        json: Bytes::from(body.to_string()),
        warehouse: warehouse_id(serving),
    }
}

fn products(products: u32, lines: Lines, random: &mut StdRng) -> Vec<u32> {
    let Lines::Random(count) = lines else {
        return vec![1];
    };
    let mut chosen: Vec<u32> = Vec::new();
    while chosen.len() < usize::try_from(count).unwrap_or(usize::MAX) {
        let product = random.random_range(1..=products);
        if !chosen.contains(&product) {
            chosen.push(product);
        }
    }
    chosen.shuffle(random);
    chosen
}

/// Returns the ID in a member of an answer, without parsing all of it.
fn id_after(answer: &str, member: &str) -> Option<Uuid> {
    let (_, rest) = answer.split_once(&format!("\"{member}\":"))?;
    rest.trim_start().strip_prefix('"')?.get(..36)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic(workload: Workload) -> Traffic {
        let scene = workload.scene();
        Traffic::new(workload, &scene, Cancels::Offered, Routing::Checked, 1)
    }

    fn placed(traffic: &Traffic, request: &Request) -> Result<(), String> {
        let warehouse = traffic.body(request.number).warehouse;
        let answer = json!({ "orderId": Uuid::new_v4(), "warehouseId": warehouse }).to_string();
        traffic.judge(request, StatusCode::CREATED, answer.as_bytes())
    }

    #[test]
    fn no_key_is_used_twice_and_the_same_seed_makes_the_same_requests() {
        let (one, other) = (traffic(Workload::Baskets), traffic(Workload::Baskets));
        let (first, second) = (one.next(), one.next());
        assert_ne!(first.key, second.key);
        assert_ne!(first.key, other.next().key);
        assert_eq!(first.body, other.body(0).json);
        let body: serde_json::Value = serde_json::from_slice(&first.body).unwrap();
        let mut products: Vec<_> = body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["productId"].to_string())
            .collect();
        products.sort();
        products.dedup();
        assert_eq!(products.len(), 10);
    }

    #[test]
    fn mixed_traffic_has_its_shares_as_soon_as_there_are_orders() {
        let traffic = traffic(Workload::Mixed);
        let first = traffic.next();
        placed(&traffic, &first).unwrap();
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for _ in 0..2000 {
            *counts
                .entry(format!("{:?}", traffic.next().purpose))
                .or_default() += 1;
        }
        let counts: Vec<u32> = counts.into_values().collect();
        assert_eq!(counts, [100, 1400, 400, 100], "cancel, place, read, replay");
    }

    #[test]
    fn shipments_take_each_fulfilment_order_in_turn() {
        let traffic = traffic(Workload::Bulk);
        let works: Vec<Uuid> = (0..60).map(|_| Uuid::new_v4()).collect();
        traffic.learn_works(works.clone());
        let (first, second) = (traffic.next(), traffic.next());
        let items = |request: &Request| -> Vec<(String, Uuid)> {
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            let items = body["items"].as_array().unwrap().iter();
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            items
                .map(|it| {
                    let work = text(&it["fulfilmentOrderId"]).parse().unwrap();
                    (text(&it["idempotencyKey"]), work)
                })
                .collect()
        };
        let shipped = [items(&first), items(&second)].concat();
        assert_eq!(shipped.len(), 200);
        assert_eq!(shipped[61].1, works[1]);
        let mut keys: Vec<_> = shipped.into_iter().map(|(key, _)| key).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 200);
        let refused = br#"{"items":[{"status":409,"problem":{}}]}"#;
        assert!(traffic.judge(&first, StatusCode::OK, refused).is_err());
        assert!(traffic.judge(&first, StatusCode::OK, b"{}").is_ok());
    }

    #[test]
    fn stored_orders_are_replayed_with_their_own_keys_and_bodies() {
        let traffic = traffic(Workload::Replay);
        traffic.learn(vec![Known {
            order_id: Uuid::new_v4(),
            number: 7,
            key: "theirs".to_owned(),
        }]);
        let replay = traffic.next();
        assert_eq!(replay.purpose, Purpose::Replay);
        assert_eq!(replay.key.as_deref(), Some("theirs"));
        assert_eq!(replay.body, traffic.body(7).json);
    }

    #[test]
    fn an_answer_that_the_workload_does_not_expect_is_rejected() {
        let traffic = traffic(Workload::Uniform);
        let request = traffic.next();
        assert!(placed(&traffic, &request).is_ok());
        let refused = traffic.judge(&request, StatusCode::UNPROCESSABLE_ENTITY, b"{}");
        assert!(refused.unwrap_err().contains("422"));
        let elsewhere =
            json!({ "orderId": Uuid::new_v4(), "warehouseId": Uuid::nil() }).to_string();
        let elsewhere = traffic.judge(&request, StatusCode::CREATED, elsewhere.as_bytes());
        assert!(elsewhere.unwrap_err().contains("nearest warehouse"));
    }

    #[test]
    fn a_flash_sale_sells_exactly_the_available_units() {
        let traffic = traffic(Workload::Flash);
        assert!(
            traffic
                .check_totals(&BTreeMap::from([(201, 500), (422, 4500)]))
                .is_ok()
        );
        assert!(
            traffic
                .check_totals(&BTreeMap::from([(201, 501), (422, 4499)]))
                .is_err()
        );
        assert!(
            traffic
                .check_totals(&BTreeMap::from([(201, 500), (422, 4499), (503, 1)]))
                .is_err()
        );
    }
}

//! Every fault of the gateway at each of its calls: how the order ends, after how many attempts of the sweeper, and
//! with how many calls. `gateway_fault_matrix/held.rs` has payments that wait for someone,
//! `gateway_fault_matrix/late.rs` effects that arrive after the order has ended.

mod held;
mod late;
mod unreachable;

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::api::Settings;
use crate::ends::{DECLINED, End};
use crate::request::{new_key, small_order};
use crate::shop::Shop;

/// Long enough for every call that is answered at all.
const IMPATIENT: Settings<'_> = &[("OMS_STRIPE_TIMEOUT_MS", "2000")];
/// For faults that cause no wait: no call may time out on a slow machine.
const PATIENT: Settings<'_> = &[];

/// The first answer to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    /// 201.
    Created,
    /// 202.
    Pending,
    /// 402.
    Declined,
    /// 503, and the key is free.
    Unavailable,
}

/// One fault and its expected outcome.
struct Row {
    settings: Settings<'static>,
    /// The fault plan while the order is placed.
    placing: Value,
    /// The fault plan while the order is swept.
    sweeping: Value,
    first: First,
    end: End,
    /// The exact number of sweeper attempts.
    tries: u64,
    /// The outcome of the confirmation in the call history, if there was one.
    confirmed: Option<String>,
    /// The operation whose call failed, and its outcome in the call history.
    faulty: (&'static str, String),
}

/// A fault of one call.
struct Fault {
    settings: Settings<'static>,
    action: Value,
    /// Its outcome in the call history.
    name: String,
}

/// A fault that causes no wait.
fn fault(action: Value, name: &str) -> Fault {
    Fault {
        settings: PATIENT,
        action,
        name: name.to_owned(),
    }
}

/// A fault that lasts longer than our time-out.
fn outlasts_us(action: Value) -> Fault {
    Fault {
        settings: IMPATIENT,
        ..fault(action, "timed_out")
    }
}

fn hangs(kind: &str) -> Fault {
    outlasts_us(json!({ "type": kind }))
}

fn drips() -> Fault {
    outlasts_us(json!({ "type": "drip", "bytesPerSecond": 1 }))
}

fn cut_off() -> Fault {
    fault(json!({ "type": "refuse" }), "interrupted")
}

fn truncated() -> Fault {
    fault(json!({ "type": "truncate" }), "interrupted")
}

fn too_many() -> Fault {
    fault(
        json!({ "type": "error_before", "status": 429 }),
        "rate_limited",
    )
}

fn error_before(status: u16) -> Fault {
    server_error("error_before", status)
}

fn error_after(status: u16) -> Fault {
    server_error("error_after", status)
}

fn server_error(kind: &str, status: u16) -> Fault {
    let action = json!({ "type": kind, "status": status });
    fault(action, &format!("server_error:{status}"))
}

fn declined() -> Fault {
    let action = json!({ "type": "decline", "code": "card_declined", "declineCode": "lost_card" });
    fault(action, "declined:lost_card")
}

fn rule(operation: &str, fault: &Fault) -> Value {
    json!({ "operation": operation, "action": fault.action })
}

/// The preparation fails. Without a stored reference nothing is ever confirmed.
fn prepare(fault: Fault) -> Row {
    Row {
        settings: fault.settings,
        placing: json!([rule("create", &fault)]),
        sweeping: json!([]),
        first: First::Unavailable,
        end: End::KeyReleased,
        tries: 0,
        confirmed: None,
        faulty: ("prepare", fault.name),
    }
}

/// The confirmation fails.
fn confirm(fault: Fault, first: First, end: End, tries: u64) -> Row {
    Row {
        settings: fault.settings,
        placing: json!([rule("confirm", &fault)]),
        sweeping: json!([]),
        first,
        end,
        tries,
        confirmed: Some(fault.name.clone()),
        faulty: ("confirm", fault.name),
    }
}

/// The confirmation takes effect without an answer, and the sweeper's first look-up fails.
fn look_at_money(fault: Fault) -> Row {
    let unread = error_before(503);
    Row {
        settings: fault.settings,
        placing: json!([
            rule("confirm", &error_after(502)),
            rule("retrieve", &unread)
        ]),
        sweeping: json!([rule("retrieve", &fault)]),
        first: First::Pending,
        end: End::Paid,
        tries: 2,
        confirmed: Some(error_after(502).name),
        faulty: ("lookup", fault.name),
    }
}

/// The confirmation is lost, and the sweeper's first look-up fails.
fn look_at_nothing(fault: Fault) -> Row {
    Row {
        sweeping: json!([rule("retrieve", &fault)]),
        faulty: ("lookup", fault.name.clone()),
        ..fence(fault)
    }
}

/// The confirmation is lost, and the sweeper's first cancellation fails.
fn fence(fault: Fault) -> Row {
    Row {
        settings: fault.settings,
        placing: json!([rule("confirm", &error_before(502))]),
        sweeping: json!([rule("cancel", &fault)]),
        first: First::Pending,
        end: End::Fenced,
        tries: 2,
        confirmed: Some(error_before(502).name),
        faulty: ("cancel", fault.name),
    }
}

impl Row {
    async fn check(&self) {
        let shop = Shop::open_sweeping_on_demand(self.settings).await;
        shop.sandbox.plan(self.placing.clone()).await;
        let key = new_key();
        let answer = shop.place(&key, &small_order()).await;
        self.first.assert(&answer);
        let order_id = shop.only_order().await;
        if self.first == First::Pending {
            let again = shop.place(&key, &small_order()).await;
            again.assert_in_progress();
        }

        shop.sandbox.plan(self.sweeping.clone()).await;
        shop.sweep_within(&order_id, self.tries).await;
        assert_eq!(shop.database.tries(&order_id).await, self.tries);
        shop.assert_within_budget().await;
        self.assert_history(&shop, &order_id).await;
        shop.sandbox.release().await;
        shop.assert_end(&key, &order_id, self.end).await;
        shop.assert_within_budget().await;
    }
}

impl Row {
    /// Checks that the history has every call that the gateway received, with the outcomes of the confirmation and of
    /// the faulty call.
    async fn assert_history(&self, shop: &Shop, order_id: &str) {
        shop.assert_calls_kept(order_id).await;
        let history = shop.database.calls_kept(order_id).await;
        let outcomes = |operation: &str| -> Vec<&str> {
            let of_it = history.iter().filter(|(kept, _)| kept == operation);
            of_it.map(|(_, outcome)| outcome.as_str()).collect()
        };
        let confirmed: Vec<&str> = self.confirmed.iter().map(String::as_str).collect();
        assert_eq!(outcomes("confirm"), confirmed);
        let (operation, fault) = &self.faulty;
        assert!(outcomes(operation).contains(&fault.as_str()), "{history:?}");
    }
}

impl First {
    fn assert(self, answer: &Answer) {
        match self {
            Self::Created => answer.assert_created(),
            Self::Pending => answer.assert_pending(),
            Self::Declined => answer.assert_failed("orders.payment_declined"),
            Self::Unavailable => answer.assert_problem(503, "payments.gateway_unavailable"),
        }
    }
}

macro_rules! rows {
    ($($name:ident: $row:expr;)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                $row.check().await;
            }
        )+
    };
}

use First::{Created, Declined, Pending, Unavailable};

rows! {
    prepare_cut_off: prepare(cut_off());
    prepare_timed_out_before_the_effect: prepare(hangs("no_answer_before"));
    prepare_timed_out_after_the_effect: prepare(hangs("no_answer_after"));
    prepare_answered_too_slowly: prepare(drips());
    prepare_truncated: prepare(truncated());
    prepare_500_without_effect: prepare(error_before(500));
    prepare_500_with_effect: prepare(error_after(500));
    prepare_502_before_the_effect: prepare(error_before(502));
    prepare_502_after_the_effect: prepare(error_after(502));
    prepare_503_before_the_effect: prepare(error_before(503));
    prepare_503_after_the_effect: prepare(error_after(503));
    prepare_429: prepare(too_many());

    // A request that was cut off may arrive later, so its payment is cancelled.
    confirm_cut_off: confirm(cut_off(), Pending, End::Fenced, 1);
    confirm_timed_out_before_the_effect: confirm(hangs("no_answer_before"), Pending, End::Fenced, 1);
    confirm_timed_out_after_the_effect: confirm(hangs("no_answer_after"), Pending, End::Paid, 1);
    confirm_answered_too_slowly: confirm(drips(), Pending, End::Paid, 1);
    confirm_truncated: confirm(truncated(), Created, End::Paid, 0);
    confirm_500_without_effect: confirm(error_before(500), Pending, End::Fenced, 1);
    confirm_500_with_effect: confirm(error_after(500), Created, End::Paid, 0);
    confirm_502_before_the_effect: confirm(error_before(502), Pending, End::Fenced, 1);
    confirm_502_after_the_effect: confirm(error_after(502), Created, End::Paid, 0);
    confirm_503_before_the_effect: confirm(error_before(503), Pending, End::Fenced, 1);
    confirm_503_after_the_effect: confirm(error_after(503), Created, End::Paid, 0);
    // Refused before anything was executed.
    confirm_429: confirm(too_many(), Unavailable, End::KeyReleased, 0);
    confirm_declined: confirm(declined(), Declined, DECLINED, 0);

    look_cut_off: look_at_money(cut_off());
    look_timed_out: look_at_money(hangs("no_answer_before"));
    look_answered_too_slowly: look_at_money(drips());
    look_truncated: look_at_money(truncated());
    look_500: look_at_money(error_before(500));
    look_502: look_at_money(error_before(502));
    look_503: look_at_money(error_before(503));
    look_429: look_at_money(too_many());
    look_for_what_was_lost_cut_off: look_at_nothing(cut_off());
    look_for_what_was_lost_500: look_at_nothing(error_before(500));
    look_for_what_was_lost_timed_out: look_at_nothing(hangs("no_answer_before"));

    fence_cut_off: fence(cut_off());
    fence_timed_out_before_the_effect: fence(hangs("no_answer_before"));
    fence_timed_out_after_the_effect: fence(hangs("no_answer_after"));
    fence_answered_too_slowly: fence(drips());
    fence_truncated: fence(truncated());
    fence_500_without_effect: fence(error_before(500));
    fence_500_with_effect: fence(error_after(500));
    fence_502_before_the_effect: fence(error_before(502));
    fence_502_after_the_effect: fence(error_after(502));
    fence_503_before_the_effect: fence(error_before(503));
    fence_503_after_the_effect: fence(error_after(503));
    fence_429: fence(too_many());
}

//! A gateway that accepts no connection: calls that were not sent are known to have had no effect.

use std::fs;

use super::PATIENT;
use crate::ends::End;
use crate::eventually::until;
use crate::request::{WIDGET_A, new_key, small_order};
use crate::shop::Shop;

/// The number of connections of this machine with a port, in either direction. `/proc/net/tcp` lists them in
/// hexadecimal.
fn connections(port: u16) -> usize {
    const ESTABLISHED: &str = "01";
    const CLOSE_WAIT: &str = "08";
    let suffix = format!(":{port:04X}");
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let sockets = table.lines().skip(1).map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        (
            columns[1].to_owned(),
            columns[2].to_owned(),
            columns[3].to_owned(),
        )
    });
    sockets
        .filter(|(local, remote, _)| local.ends_with(&suffix) || remote.ends_with(&suffix))
        .filter(|(_, _, state)| [ESTABLISHED, CLOSE_WAIT].contains(&state.as_str()))
        .count()
}

/// The order is blocked between the preparation and the confirmation, by a lock on the row of its attempt. The gateway
/// is gone when it continues.
#[tokio::test]
async fn a_gateway_that_is_gone_before_the_confirmation_has_charged_no_one() {
    let mut shop = Shop::open_sweeping_on_demand(PATIENT).await;
    shop.sandbox.hold("create").await;
    let (key, customer) = (new_key(), shop.customer());
    let placing = tokio::spawn({
        let key = key.clone();
        async move { customer.place(&key, &small_order()).await }
    });
    shop.sandbox.called("create", 1).await;
    let order_id = shop.only_order().await;
    let lock = "BEGIN; SELECT 1 FROM payments.attempts FOR UPDATE";
    shop.database.execute(lock).await;
    shop.sandbox.release().await;
    until("the reference is about to be stored", async || {
        // Sessions that wait for ours. pg_stat_activity would not change during our transaction.
        let sql = "SELECT count(*) FROM pg_locks waiting JOIN pg_locks ours USING (transactionid)
                   WHERE NOT waiting.granted AND ours.granted AND ours.pid = pg_backend_pid()";
        shop.database.number(sql).await == 1
    })
    .await;

    let (_, port) = shop.sandbox.url.rsplit_once(':').unwrap();
    let port = port.parse().unwrap();
    shop.sandbox.kill();
    // Otherwise the confirmation might be written to a connection that is already dead, and its effect would be
    // unknown.
    until("no connection to the gateway is left", async || {
        connections(port) == 0
    })
    .await;
    shop.database.execute("COMMIT").await;
    let refused = placing.await.unwrap();
    refused.assert_problem(503, "payments.gateway_unavailable");
    assert_eq!(shop.database.reserved(WIDGET_A).await, 0);

    shop.sandbox.restart().await;
    let order = shop.sandbox.order(&order_id).await;
    assert_eq!(order["intents"][0]["status"], "requires_payment_method");
    assert_eq!(shop.database.tries(&order_id).await, 0);
    shop.assert_end(&key, &order_id, End::KeyReleased).await;
}

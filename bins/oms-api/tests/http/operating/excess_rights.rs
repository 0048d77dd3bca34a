//! A database role with more privileges than serving requires.

use crate::api::{Api, command};
use crate::operating::{Roles, drop_roles};

const WARNING: &str = "the role of DATABASE_URL has more rights than it needs: serve as a role that owns nothing (oms-api grants)";

#[tokio::test]
async fn production_logs_a_warning_about_a_role_that_can_delete_history() {
    let roles = Roles::create().await;
    roles.grant().await;
    let production = [
        ("OMS_ENV", "production"),
        ("OMS_STRIPE_SECRET_KEY", "sk_live_hushHushKey"),
    ];
    let serve = async |url: &str| {
        let mut api = Api::start(command(url, "https://127.0.0.1:1", &production)).await;
        let warned = api
            .log()
            .into_iter()
            .find(|line| line["message"] == WARNING);
        api.process.terminate();
        api.process.ended().await;
        warned
    };
    let as_owner = serve(&roles.url_of_owner()).await;
    let example = as_owner.unwrap()["example"].as_str().unwrap().to_owned();
    assert_eq!(example, "DELETE on access.api_keys");
    assert_eq!(serve(&roles.url_of_server()).await, None);
    let one_more = format!("GRANT DELETE ON orders.events TO {}", roles.server);
    roles.database.execute(&one_more).await;
    let warned = serve(&roles.url_of_server()).await.unwrap();
    assert_eq!(
        (&warned["rights"], &warned["example"]),
        (&1.into(), &"DELETE on orders.events".into())
    );
    drop_roles(&roles.database, [&roles.server, &roles.owner]).await;
}

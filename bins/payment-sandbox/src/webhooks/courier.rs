//! Delivers webhooks to the endpoint, one at a time. Asks the gateway what to send next and reports the result; decides
//! nothing.

use std::time::Duration;

use actix_web::web::Data;
use anyhow::Context;
use reqwest::{Client, header::CONTENT_TYPE, redirect};
use tokio::time::{Instant, sleep_until};

use super::{Signing, WebhookEndpoint, signature};
use crate::gateway::{Errand, Gateway};

/// Maximum wait for the endpoint's answer.
const TIMEOUT: Duration = Duration::from_secs(10);
const USER_AGENT: &str = "Stripe/1.0 (+https://stripe.com/docs/webhooks)";

/// Sends single webhooks.
#[derive(Clone, Debug)]
pub(crate) struct Courier(Client);

impl Courier {
    /// Creates a courier with its own connections.
    ///
    /// # Errors
    /// When the HTTP client can't be built.
    pub(crate) fn new() -> anyhow::Result<Self> {
        // reqwest needs a crypto provider even without HTTPS. An error means that one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .no_proxy()
            // "3xx … treated as failure": https://docs.stripe.com/webhooks#disable-behavior
            .redirect(redirect::Policy::none())
            .timeout(TIMEOUT)
            .user_agent(USER_AGENT)
            .build()
            .context("cannot build the HTTP client for webhooks")?;
        Ok(Self(client))
    }

    /// Sends this body; returns the status of the answer, if there is one.
    pub(crate) async fn send(
        &self,
        to: &WebhookEndpoint,
        signing: Signing,
        now: i64,
        body: String,
    ) -> Option<u16> {
        let signature = signature::header(&to.secret, signing, now, &body);
        let sent = self
            .0
            .post(&to.url)
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .header("stripe-signature", signature)
            .body(body)
            .send();
        sent.await.ok().map(|answer| answer.status().as_u16())
    }

    /// Delivers the gateway's events, forever.
    pub(crate) async fn deliver_all(self, gateway: Data<Gateway>) {
        loop {
            match gateway.next_webhook(Instant::now()) {
                Errand::Send(parcel) => {
                    let now = gateway.now();
                    let sent = self.send(&parcel.to, parcel.signing, now, parcel.body.clone());
                    let status = sent.await;
                    gateway.webhook_tried(&parcel, status, Instant::now());
                }
                Errand::WaitUntil(time) => tokio::select! {
                    () = sleep_until(time) => {}
                    () = gateway.webhook_news() => {}
                },
                Errand::Wait => gateway.webhook_news().await,
            }
        }
    }
}

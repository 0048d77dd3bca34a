//! An endpoint that records the webhooks of localstripe unchanged.

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use oms_payments::Reference;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// One webhook, as it arrived.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) signature: String,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn is_about(&self, reference: &Reference) -> bool {
        let event: Value = serde_json::from_slice(&self.body).unwrap();
        event["data"]["object"]["id"] == reference.as_str()
    }
}

/// The endpoint. Stops when dropped.
pub(crate) struct Receiver {
    received: UnboundedReceiver<Received>,
    server: ServerHandle,
}

impl Receiver {
    /// Starts the endpoint, and registers it at localstripe.
    pub(crate) async fn start(localstripe: &str, secret: &str) -> Self {
        let (sender, received) = unbounded_channel();
        let sender = web::Data::new(sender);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(sender.clone())
                .default_service(web::post().to(receive))
        });
        let server = server.workers(1).disable_signals();
        let server = server.bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/webhooks/stripe", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);

        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().build().unwrap();
        let endpoint = json!({ "url": url, "secret": secret });
        let registered = client
            .post(format!("{localstripe}/_config/webhooks/oms"))
            .json(&endpoint);
        let status = registered.send().await.unwrap().status().as_u16();
        assert_eq!(status, 200);
        Self {
            received,
            server: handle,
        }
    }

    pub(crate) async fn next(&mut self) -> Received {
        self.received
            .recv()
            .await
            .expect("the server holds a sender")
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // The returned future only waits.
        drop(self.server.stop(false));
    }
}

async fn receive(
    request: HttpRequest,
    body: Bytes,
    sender: web::Data<UnboundedSender<Received>>,
) -> HttpResponse {
    let signature = request.headers().get("stripe-signature").unwrap();
    let received = Received {
        signature: signature.to_str().unwrap().to_owned(),
        body: body.to_vec(),
    };
    // The test stops listening once it has what it waits for.
    let _ = sender.send(received);
    HttpResponse::Ok().finish()
}

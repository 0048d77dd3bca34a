//! A proxy between the adapter and localstripe that supplies what localstripe lacks of Stripe's protocol, so that the
//! adapter is tested unchanged. Each row of the table is a documented part of Stripe's API:
//!
//! | of Stripe | in localstripe |
//! |---|---|
//! | `automatic_payment_methods` of a new intent | rejected, so it is removed |
//! | `payment_method` of a confirmation | "not implemented", so it is set on the intent first |
//! | `cancellation_reason` | rejected, so it is removed |
//! | `amount_received` of an intent | missing, so it is copied from the captured charge |

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use reqwest::{Client, Url};
use serde_json::{Value, json};

/// A server that receives the requests for Stripe. Stops when dropped.
pub(crate) struct Translator {
    url: String,
    server: ServerHandle,
}

type Form = Vec<(String, String)>;

impl Translator {
    pub(crate) async fn start(localstripe: &str) -> Self {
        let localstripe = web::Data::new(localstripe.to_owned());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(localstripe.clone())
                .default_service(web::to(translate))
        });
        let server = server.workers(1).disable_signals();
        let server = server.bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        Self {
            url,
            server: handle,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Translator {
    fn drop(&mut self) {
        // The returned future only waits.
        drop(self.server.stop(false));
    }
}

async fn translate(
    request: HttpRequest,
    body: Bytes,
    localstripe: web::Data<String>,
) -> HttpResponse {
    let authorization = request.headers().get("authorization").unwrap();
    let upstream = Upstream {
        client: Client::builder().no_proxy().build().unwrap(),
        base: localstripe.to_string(),
        authorization: authorization.to_str().unwrap().to_owned(),
    };
    let path = request.path();
    let (status, answer) = match request.method().as_str() {
        "GET" => upstream.get(path).await,
        _ => upstream.post(path, form(&body)).await,
    };
    HttpResponse::build(status.try_into().unwrap()).json(with_amount_received(answer))
}

fn form(body: &[u8]) -> Form {
    let body = std::str::from_utf8(body).unwrap();
    let url = Url::parse(&format!("http://form/?{body}")).unwrap();
    url.query_pairs().into_owned().collect()
}

struct Upstream {
    client: Client,
    base: String,
    authorization: String,
}

impl Upstream {
    async fn get(&self, path: &str) -> (u16, Value) {
        self.send(self.client.get(format!("{}{path}", self.base)))
            .await
    }

    async fn post(&self, path: &str, mut form: Form) -> (u16, Value) {
        let unknown = |name: &str| {
            name.starts_with("automatic_payment_methods") || name == "cancellation_reason"
        };
        form.retain(|(name, _)| !unknown(name));
        if let Some(intent) = path.strip_suffix("/confirm") {
            let (status, answer) = self.send(self.request(intent, &form)).await;
            if status != 200 {
                return (status, answer);
            }
            form.clear();
        }
        self.send(self.request(path, &form)).await
    }

    fn request(&self, path: &str, form: &Form) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.base);
        self.client.post(url).form(form)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let request = request.header("authorization", &self.authorization);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap())
    }
}

fn with_amount_received(mut answer: Value) -> Value {
    if answer["object"] == "payment_intent" {
        let charge = &answer["latest_charge"];
        let received = match charge["captured"] == true && charge["status"] == "succeeded" {
            true => charge["amount"].clone(),
            false => json!(0),
        };
        answer["amount_received"] = received;
    }
    answer
}

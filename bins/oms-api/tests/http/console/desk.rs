//! An operator who is signed in, without a browser.

use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};

use crate::answer::Answer;
use crate::shop::Shop;

/// A session of the console.
pub struct Desk {
    client: Client,
    url: String,
    /// The cookie as the browser sends it.
    pub cookie: String,
}

impl Desk {
    /// Signs in with a new key of the shop's tenant.
    pub async fn of(shop: &Shop, name: &str, scopes: &str) -> Self {
        let key = shop.key(name, scopes).await;
        Self::with_key(shop, &key).await
    }

    /// Signs in with a key.
    pub async fn with_key(shop: &Shop, key: &str) -> Self {
        let mut desk = Self::nobody(shop);
        let entered = desk.post("/console/sign-in", &[("api_key", key)]).await;
        assert_eq!(entered.status, 303, "{entered:?}");
        desk.cookie = cookie_of(&entered);
        desk
    }

    /// Somebody who is not signed in.
    pub fn nobody(shop: &Shop) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().tls_certs_only([]);
        Self {
            client: client.redirect(Policy::none()).build().unwrap(),
            url: shop.api.url.clone(),
            cookie: String::new(),
        }
    }

    /// A request with the cookie, and without what says where it comes from.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        match self.cookie.is_empty() {
            true => request,
            false => request.header(COOKIE, &self.cookie),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path).send().await.unwrap()).await
    }

    /// A page, which must be served.
    pub async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.text
    }

    /// Sends a form as a page of the console does.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let request = self.request(Method::POST, path);
        let request = request.header("sec-fetch-site", "same-origin").form(form);
        Answer::of(request.send().await.unwrap()).await
    }
}

/// The cookie that an answer sets, as a browser sends it back.
pub fn cookie_of(answer: &Answer) -> String {
    let line = answer.headers.get(SET_COOKIE);
    let line = line.unwrap_or_else(|| panic!("no cookie: {answer:?}"));
    let line = line.to_str().unwrap();
    line.split(';').next().unwrap().to_owned()
}

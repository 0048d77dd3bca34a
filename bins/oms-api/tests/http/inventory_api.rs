//! Requests of operators who manage the inventory.

use reqwest::Method;
use serde_json::Value;

use crate::answer::Answer;
use crate::shop::{Customer, Shop};

impl Customer {
    /// A `POST` with an idempotency key.
    pub async fn post_once(&self, path: &str, key: &str, body: &Value) -> Answer {
        let request = self.post(path).header("idempotency-key", key);
        Answer::of(request.json(body).send().await.unwrap()).await
    }
}

impl Shop {
    /// A `POST` with an idempotency key.
    pub async fn post_once(&self, path: &str, key: &str, body: &Value) -> Answer {
        self.customer().post_once(path, key, body).await
    }

    /// A conditional change. `tag` is the `If-Match` header, if any.
    pub async fn change(
        &self,
        method: Method,
        path: &str,
        tag: Option<&str>,
        body: &Value,
    ) -> Answer {
        let mut request = self.customer().request(method, path).json(body);
        if let Some(tag) = tag {
            request = request.header("if-match", tag);
        }
        Answer::of(request.send().await.unwrap()).await
    }

    /// The entries of a list, read in pages of `limit`.
    pub async fn pages(&self, path: &str, limit: usize) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let page = self
                .get(&format!("{path}{separator}limit={limit}{cursor}"))
                .await;
            assert_eq!(page.status, 200, "{page:?}");
            let found = page.body["items"].as_array().unwrap().clone();
            assert!(found.len() <= limit);
            items.extend(found);
            match page.body["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }
}

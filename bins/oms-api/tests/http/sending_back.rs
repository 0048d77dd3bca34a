//! Sends orders, and sends them back.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::request::{new_key, small_order};
use crate::shop::Shop;
use crate::stock::ATLANTA_WAREHOUSE;

impl Shop {
    /// Places an order of this many units, which is paid, and sends and delivers them. Returns the order and the shipment.
    pub async fn delivered(&self, units: i64) -> (String, String) {
        let mut order = small_order();
        order["items"][0]["quantity"] = json!(units);
        let placed = self.place_new(&order).await;
        placed.assert_created();
        let order_id = placed.order_id();
        let work = self.fulfilment_order_of(&order_id).await;
        let path = format!("/fulfilment-orders/{work}/shipments");
        let shipped = self.post_once(&path, &new_key(), &json!({})).await;
        assert_eq!(shipped.status, 201, "{shipped:?}");
        let shipment = shipped.body["id"].as_str().unwrap().to_owned();
        let path = format!("/shipments/{shipment}/deliver");
        let delivered = self.post_once(&path, &new_key(), &json!({})).await;
        assert_eq!(delivered.status, 200, "{delivered:?}");
        (order_id, shipment)
    }

    /// `POST /orders/{id}/returns` of this many units of the first item.
    pub async fn request_return(&self, order_id: &str, units: i64) -> Answer {
        let path = format!("/orders/{order_id}/returns");
        let body = json!({ "lines": [{ "line": 1, "quantity": units, "reason": "unwanted" }] });
        self.post_once(&path, &new_key(), &body).await
    }

    /// The ID of an approved return of this many units of the first item.
    pub async fn approved_return(&self, order_id: &str, units: i64) -> String {
        let requested = self.request_return(order_id, units).await;
        assert_eq!(requested.status, 201, "{requested:?}");
        let id = requested.body["id"].as_str().unwrap().to_owned();
        let path = format!("/returns/{id}/approve");
        let approved = self.post_once(&path, &new_key(), &json!({})).await;
        assert_eq!(approved.status, 200, "{approved:?}");
        assert_eq!(approved.body["status"], "APPROVED", "{approved:?}");
        id
    }

    /// `POST /returns/{id}/receipts` of a line, in Atlanta.
    pub async fn receive(&self, id: &str, line: &Value) -> Answer {
        self.receive_once(id, &new_key(), line).await
    }

    /// `POST /returns/{id}/receipts` of a line with a key, in Atlanta.
    pub async fn receive_once(&self, id: &str, key: &str, line: &Value) -> Answer {
        let path = format!("/returns/{id}/receipts");
        let body = json!({ "warehouseId": ATLANTA_WAREHOUSE, "lines": [line] });
        self.post_once(&path, key, &body).await
    }
}

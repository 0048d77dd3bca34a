//! The idempotency keys of requests about shipments that share a transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use oms_database::Connection;
use oms_fulfilment::ShipmentId;
use oms_validation::{IdempotencyKey, Keyed, Once, TenantId};
use uuid::Uuid;

use crate::error::{OrderError, ShippingError};
use crate::service::fulfilling::to_send::ToSend;
use crate::store::idempotency_keys;

/// The shipment of a request, and whether this request changed it.
pub(crate) type Sent = Result<Once<ShipmentId>, ShippingError>;

/// The keys that a batch has claimed, each for the first request that has it. A request that repeats another one of the
/// batch is answered as if it had come after it: if that was refused, it is executed itself.
pub(crate) struct ShippingKeys<'a> {
    items: &'a [Arc<ToSend>],
    /// By key: the place of the request that claimed it.
    claimed: BTreeMap<&'a str, usize>,
    /// By key: the place of the request that was executed.
    executed: BTreeMap<&'a str, usize>,
}

impl<'a> ShippingKeys<'a> {
    /// Claims the keys of requests, and returns the answers of those that a request of an earlier batch answers.
    pub(crate) async fn claim(
        connection: &mut Connection,
        tenant: TenantId,
        items: &'a [Arc<ToSend>],
    ) -> Result<(Self, Vec<Option<Sent>>), ShippingError> {
        let mut claimed: BTreeMap<&str, usize> = BTreeMap::new();
        for (place, item) in items.iter().enumerate() {
            if let Some((key, _)) = item.key() {
                claimed.entry(key.as_str()).or_insert(place);
            }
        }
        let mut answers: Vec<Option<Sent>> = items.iter().map(|_| None).collect();
        if !claimed.is_empty() {
            let requests = claimed
                .values()
                .filter_map(|place| requested(&items[*place]));
            let requests: Vec<(Keyed<'_>, Uuid)> = requests.collect();
            let free = idempotency_keys::claim_all(connection, tenant, &requests).await?;
            claimed.retain(|key, _| free.contains(*key));
        }
        let is_taken = |key: &IdempotencyKey| !claimed.contains_key(key.as_str());
        let taken = items.iter().filter_map(|item| item.key());
        let taken = taken.map(|(key, _)| key).filter(|key| is_taken(key));
        let taken: Vec<&IdempotencyKey> = taken.collect();
        let found = idempotency_keys::find_all(connection, tenant, &taken).await?;
        for (answer, item) in answers.iter_mut().zip(items) {
            let Some((key, fingerprint)) = item.key().filter(|(key, _)| is_taken(key)) else {
                continue;
            };
            *answer = Some(match found.get(key.as_str()) {
                Some(found) if found.fingerprint == *fingerprint => {
                    let result = found.result_id.map(ShipmentId::from).or(item.shipment());
                    let result = result.ok_or_else(|| OrderError::KeyReused.into());
                    result.map(Once::Before)
                }
                Some(_) => Err(OrderError::KeyReused.into()),
                // The retention removed it in between.
                None => Err(OrderError::Contended.into()),
            });
        }
        let keys = Self {
            items,
            claimed,
            executed: BTreeMap::new(),
        };
        Ok((keys, answers))
    }

    /// The answer to a request whose key an executed request of the batch has.
    pub(crate) fn repeated(&self, place: usize) -> Option<Sent> {
        let item = &self.items[place];
        let (key, fingerprint) = item.key()?;
        let executed = &self.items[*self.executed.get(key.as_str())?];
        let is_same = executed.key().is_some_and(|(_, it)| it == fingerprint);
        Some(match is_same {
            true => Ok(Once::Before(executed.result())),
            false => Err(OrderError::KeyReused.into()),
        })
    }

    /// Notes that a request was executed.
    pub(crate) fn executed(&mut self, place: usize) {
        if let Some((key, _)) = self.items[place].key() {
            self.executed.insert(key.as_str(), place);
        }
    }

    /// Releases the keys of refused requests, and claims those that later requests of the batch were executed with.
    pub(crate) async fn settle(
        self,
        connection: &mut Connection,
        tenant: TenantId,
    ) -> Result<(), ShippingError> {
        let refused = self.claimed.iter();
        let refused = refused.filter(|(key, place)| self.executed.get(*key) != Some(place));
        let refused: Vec<usize> = refused.map(|(_, place)| *place).collect();
        let unused = refused.iter().filter_map(|place| self.items[*place].key());
        let unused: Vec<&IdempotencyKey> = unused.map(|(key, _)| key).collect();
        idempotency_keys::release(connection, tenant, &unused).await?;
        let later = unused
            .iter()
            .filter_map(|key| self.executed.get(key.as_str()));
        let later = later.filter_map(|place| requested(&self.items[*place]));
        let later: Vec<(Keyed<'_>, Uuid)> = later.collect();
        if !later.is_empty() {
            idempotency_keys::claim_all(connection, tenant, &later).await?;
        }
        Ok(())
    }
}

/// The key of a request, and the ID of what it creates or changes.
fn requested(item: &ToSend) -> Option<(Keyed<'_>, Uuid)> {
    Some((item.keyed()?, item.result().as_uuid()))
}

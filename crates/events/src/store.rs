//! The tables of the feed.

pub(crate) mod grants;
pub(crate) mod heads;
pub(crate) mod outbox;
pub(crate) mod records;
pub(crate) mod segments;
pub(crate) mod sinks;
pub(crate) mod webhooks;

use diesel::QueryableByName;
use diesel::sql_types::{Array, Integer, Uuid as SqlUuid};
use uuid::Uuid;

use crate::domain::key::EventKey;

/// Keys, column by column.
fn columns(keys: &[EventKey]) -> (Vec<Uuid>, Vec<i32>) {
    keys.iter().map(|key| (key.subject_id, key.number)).unzip()
}

/// Keys, as rows have them.
#[derive(QueryableByName)]
struct Keys {
    #[diesel(sql_type = Array<SqlUuid>)]
    subject_ids: Vec<Uuid>,
    #[diesel(sql_type = Array<Integer>)]
    numbers: Vec<i32>,
}

impl Keys {
    fn into_keys(self) -> Vec<EventKey> {
        let pairs = self.subject_ids.into_iter().zip(self.numbers);
        let key = |(subject_id, number)| EventKey { subject_id, number };
        pairs.map(key).collect()
    }
}

//! Idempotency keys as Stripe handles them: once execution began, the first result is stored and replayed, whatever it
//! was. Has no clock: the time is always a parameter.
//!
//! Source: <https://docs.stripe.com/api/idempotent_requests>.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{answer::Answer, api_error::ApiError};

/// How long a key is remembered: "at least 24 hours".
pub(crate) const KEPT_SECONDS: i64 = 24 * 60 * 60;
/// "Idempotency keys are up to 255 characters long."
pub(crate) const KEY_CHARS: usize = 255;

/// A key and the request that it was sent with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyUse {
    pub(crate) key: String,
    /// The request path.
    pub(crate) path: String,
    /// A hash of the parameters.
    pub(crate) fingerprint: String,
}

/// A key whose request was executed, and the result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyRecord {
    pub(crate) key: String,
    pub(crate) path: String,
    pub(crate) fingerprint: String,
    pub(crate) request_id: String,
    pub(crate) status: u16,
    pub(crate) body: String,
    /// Unix seconds.
    pub(crate) at: i64,
}

/// What is known of a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Nothing, or its result has expired.
    New,
    /// Its request was executed: the answer, and the ID of the first request.
    Executed { answer: Answer, request_id: String },
}

/// Which results to forget before they expire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Expired {
    /// The results of all keys.
    All,
    /// The result of one key.
    Key(String),
}

/// All keys of the last 24 hours.
#[derive(Debug, Default)]
pub(crate) struct IdempotencyKeys(HashMap<String, Slot>);

#[derive(Debug)]
enum Slot {
    InProgress(KeyUse),
    Executed(KeyRecord),
}

impl IdempotencyKeys {
    /// Returns what is known of a key.
    ///
    /// # Errors
    /// 400 `idempotency_error` when it was used for another request; 409 `idempotency_key_in_use` when its first
    /// request is still in progress.
    pub(crate) fn look_up(&self, sent: &KeyUse, now: i64) -> Result<Seen, ApiError> {
        match self.0.get(&sent.key) {
            None => Ok(Seen::New),
            Some(Slot::InProgress(first)) => {
                same_request(sent, &first.path, &first.fingerprint)?;
                Err(ApiError::key_in_use(&sent.key))
            }
            Some(Slot::Executed(record)) if !record.is_kept(now) => Ok(Seen::New),
            Some(Slot::Executed(record)) => {
                same_request(sent, &record.path, &record.fingerprint)?;
                Ok(Seen::Executed {
                    answer: Answer {
                        status: record.status,
                        body: record.body.clone(),
                    },
                    request_id: record.request_id.clone(),
                })
            }
        }
    }

    /// Marks the key's request as started.
    pub(crate) fn claim(&mut self, sent: KeyUse) {
        self.0.insert(sent.key.clone(), Slot::InProgress(sent));
    }

    /// Frees the key of a request that ended without being executed.
    pub(crate) fn release(&mut self, key: &str) {
        if matches!(self.0.get(key), Some(Slot::InProgress(_))) {
            self.0.remove(key);
        }
    }

    /// Stores the result of the key's request.
    pub(crate) fn remember(&mut self, record: KeyRecord) {
        self.0.insert(record.key.clone(), Slot::Executed(record));
    }

    /// Forgets results before they expire. Keys whose request is in progress are kept. Returns how many were forgotten.
    pub(crate) fn expire(&mut self, which: &Expired) -> usize {
        let before = self.0.len();
        self.0.retain(|key, slot| {
            let named = match which {
                Expired::All => true,
                Expired::Key(named) => key == named,
            };
            !named || matches!(slot, Slot::InProgress(_))
        });
        before - self.0.len()
    }

    /// The records that have not expired.
    pub(crate) fn kept(&self, now: i64) -> impl Iterator<Item = &KeyRecord> {
        self.0.values().filter_map(move |slot| match slot {
            Slot::Executed(record) if record.is_kept(now) => Some(record),
            Slot::Executed(_) | Slot::InProgress(_) => None,
        })
    }
}

impl KeyUse {
    /// The record of this use.
    pub(crate) fn executed(&self, answer: &Answer, request_id: &str, now: i64) -> KeyRecord {
        KeyRecord {
            key: self.key.clone(),
            path: self.path.clone(),
            fingerprint: self.fingerprint.clone(),
            request_id: request_id.to_owned(),
            status: answer.status,
            body: answer.body.clone(),
            at: now,
        }
    }
}

impl KeyRecord {
    fn is_kept(&self, now: i64) -> bool {
        now.saturating_sub(self.at) < KEPT_SECONDS
    }
}

fn same_request(sent: &KeyUse, path: &str, fingerprint: &str) -> Result<(), ApiError> {
    let key = &sent.key;
    if sent.path != path {
        return Err(ApiError::idempotency_mismatch(format!(
            "Keys for idempotent requests can only be used for the same endpoint they were first \
             used for ('{path}'). Try using a key other than '{key}' if you meant to execute a \
             different request."
        )));
    }
    if sent.fingerprint != fingerprint {
        return Err(ApiError::idempotency_mismatch(format!(
            "Keys for idempotent requests can only be used with the same parameters they were \
             first used with. Try using a key other than '{key}' if you meant to execute a \
             different request."
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(path: &str, fingerprint: &str) -> KeyUse {
        KeyUse {
            key: "k".into(),
            path: path.into(),
            fingerprint: fingerprint.into(),
        }
    }

    fn remembered() -> IdempotencyKeys {
        let mut keys = IdempotencyKeys::default();
        let answer = Answer {
            status: 500,
            body: "{}".into(),
        };
        keys.claim(sent("/a", "f"));
        keys.remember(sent("/a", "f").executed(&answer, "req_1", 1_000));
        keys
    }

    #[test]
    fn a_result_is_replayed_for_a_day_even_if_it_was_a_500() {
        let keys = remembered();
        let replay = Seen::Executed {
            answer: Answer {
                status: 500,
                body: "{}".into(),
            },
            request_id: "req_1".into(),
        };
        assert_eq!(
            keys.look_up(&sent("/a", "f"), 1_000 + KEPT_SECONDS - 1),
            Ok(replay)
        );
        assert_eq!(
            keys.look_up(&sent("/a", "f"), 1_000 + KEPT_SECONDS),
            Ok(Seen::New)
        );
        assert_eq!(keys.kept(1_000 + KEPT_SECONDS).count(), 0);
    }

    #[test]
    fn another_path_and_other_parameters_are_rejected() {
        let keys = remembered();
        assert_eq!(
            keys.look_up(&sent("/b", "f"), 1_001).unwrap_err().status,
            400
        );
        assert_eq!(
            keys.look_up(&sent("/a", "g"), 1_001).unwrap_err().status,
            400
        );
    }

    #[test]
    fn a_key_is_in_use_until_its_request_ends() {
        let mut keys = IdempotencyKeys::default();
        keys.claim(sent("/a", "f"));
        assert_eq!(keys.look_up(&sent("/a", "f"), 1).unwrap_err().status, 409);
        keys.release("k");
        assert_eq!(keys.look_up(&sent("/a", "f"), 1), Ok(Seen::New));
    }

    #[test]
    fn releasing_a_key_does_not_forget_a_result() {
        let mut keys = remembered();
        keys.release("k");
        assert!(matches!(
            keys.look_up(&sent("/a", "f"), 1_001),
            Ok(Seen::Executed { .. })
        ));
    }

    #[test]
    fn a_result_can_expire_early_but_a_running_request_keeps_its_key() {
        let mut keys = remembered();
        assert_eq!(keys.expire(&Expired::Key("other".into())), 0);
        assert_eq!(keys.expire(&Expired::Key("k".into())), 1);
        assert_eq!(keys.look_up(&sent("/b", "g"), 1_001), Ok(Seen::New));
        keys.claim(sent("/a", "f"));
        assert_eq!(keys.expire(&Expired::All), 0);
    }
}

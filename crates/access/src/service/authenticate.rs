//! Finds out whom a presented credential stands for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use oms_database::{Database, DbError};
use oms_validation::{Scopes, TenantId};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Semaphore};

use super::verify_token::Issuer;
use crate::domain::api_key::{ApiKey, KeyHash, KeyMode};
use crate::domain::credential::{Credential, CredentialName};
use crate::domain::key_memory::{KeyMemory, Recalled};
use crate::error::AccessError;
use crate::store::api_keys::{self, LiveKey};

/// Look-ups that go on at once at most. Those of one key take turns, so that a key which is forgotten under load costs
/// one statement.
const LOOKUPS: usize = 64;

/// Connections that look-ups use at most: somebody who invents keys must not drain the pool of those who have one.
const LOOKUP_CONNECTIONS: usize = 4;

/// How credentials are verified.
#[derive(Debug)]
pub struct AuthenticatorSettings {
    /// The kind of keys that are known here.
    pub mode: KeyMode,
    /// How long a key that was verified is remembered: it is good for so long after it was revoked.
    pub remember_for: Duration,
    /// How many keys are remembered at most.
    pub most_remembered: usize,
    /// Whose tokens are taken beside keys.
    pub issuer: Option<Issuer>,
}

/// Verifies credentials.
pub struct Authenticator {
    database: Database,
    runtime: Handle,
    mode: KeyMode,
    memory: KeyMemory,
    lookups: [Mutex<()>; LOOKUPS],
    connections: Arc<Semaphore>,
    issuer: Option<Issuer>,
}

impl Authenticator {
    /// Has to be called inside the tokio runtime in which keys shall be looked up.
    pub fn new(database: Database, settings: AuthenticatorSettings) -> Self {
        Self {
            database,
            runtime: Handle::current(),
            mode: settings.mode,
            memory: KeyMemory::new(settings.remember_for, settings.most_remembered),
            lookups: std::array::from_fn(|_| Mutex::default()),
            connections: Arc::new(Semaphore::new(LOOKUP_CONNECTIONS)),
            issuer: settings.issuer,
        }
    }

    /// Whom a credential stands for.
    ///
    /// # Errors
    /// [`AccessError::Unknown`] when it is none that opens anything, or why that can't be found out.
    pub async fn authenticate(&self, token: &str) -> Result<Arc<Credential>, AccessError> {
        match (ApiKey::parse(token), &self.issuer) {
            (Ok(key), _) => self.recognise(&key).await,
            (Err(_), Some(issuer)) => issuer.verify(token).await.map(Arc::new),
            (Err(_), None) => Err(AccessError::Unknown("it is no API key")),
        }
    }

    /// Whom a key stands for, if it was verified a short while ago: at no cost, and without waiting for anything.
    pub fn recall(&self, token: &str) -> Option<Arc<Credential>> {
        let key = ApiKey::parse(token).ok()?;
        match self.memory.recall(&key.hash(), Instant::now()) {
            Recalled::Fresh(credential) if key.mode() == self.mode => Some(credential),
            _ => None,
        }
    }

    /// Registers the tenant that a request acts for, with its first request: a token may name one that has no row yet. All
    /// others cost a look into memory.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn register(&self, tenant: TenantId) -> Result<(), AccessError> {
        let tenant = tenant.as_uuid();
        if self.database.tenants().knows(tenant) {
            return Ok(());
        }
        let (database, connections) = (self.database.clone(), self.connections.clone());
        // In a task, as every statement.
        let registering = self.runtime.spawn(async move {
            let _permit = connections.acquire_owned().await;
            let mut connection = database.acquire().await?;
            database.tenants().register(&mut connection, tenant).await
        });
        let registered = registering
            .await
            .unwrap_or_else(|error| Err(DbError::Unavailable(error.to_string())));
        Ok(registered?)
    }

    async fn recognise(&self, key: &ApiKey) -> Result<Arc<Credential>, AccessError> {
        if key.mode() != self.mode {
            return Err(AccessError::Unknown("the key is of another installation"));
        }
        let hash = key.hash();
        let turn = &self.lookups[usize::from(hash[0]) % LOOKUPS];
        let remembered = match self.memory.recall(&hash, Instant::now()) {
            Recalled::Fresh(credential) => return Ok(credential),
            Recalled::Aging(credential) => credential,
            Recalled::Nothing => {
                let _turn = turn.lock().await;
                // Whoever had the turn before may have looked the same key up.
                return match self.memory.recall(&hash, Instant::now()) {
                    Recalled::Fresh(credential) | Recalled::Aging(credential) => Ok(credential),
                    Recalled::Nothing => self.look_up(key, hash).await,
                };
            }
        };
        let Ok(_turn) = turn.try_lock() else {
            return Ok(remembered);
        };
        match self.look_up(key, hash).await {
            // It is still remembered, and the database may be back before it is not.
            Err(AccessError::Database(_)) => Ok(remembered),
            answered => answered,
        }
    }

    async fn look_up(&self, key: &ApiKey, hash: KeyHash) -> Result<Arc<Credential>, AccessError> {
        let (database, tenant) = (self.database.clone(), key.tenant());
        let connections = self.connections.clone();
        // In a task: a client that goes away must not cut a statement off.
        let finding = self.runtime.spawn(async move {
            let _permit = connections.acquire_owned().await;
            let mut connection = database.acquire().await?;
            api_keys::find_live_key(&mut connection, tenant, &hash).await
        });
        let asked_at = Instant::now();
        let found = finding
            .await
            .unwrap_or_else(|error| Err(DbError::Unavailable(error.to_string())))?;
        let Some(found) = found else {
            self.memory.forget(&hash);
            return Err(AccessError::Unknown(
                "there is no such key, or it is revoked or expired",
            ));
        };
        if found.use_is_unnoted {
            self.note_use(key, &found);
        }
        let scopes = Scopes::known_among(found.scopes.iter().map(String::as_str));
        let name = CredentialName::of_stored_key(&found.name);
        let credential = Arc::new(Credential {
            tenant,
            name: name.map_err(|_| AccessError::Unknown("its name is none"))?,
            scopes,
        });
        self.memory.remember(hash, credential.clone(), asked_at);
        Ok(credential)
    }

    /// Nobody waits for it. If it fails, the next look-up tries again.
    fn note_use(&self, key: &ApiKey, found: &LiveKey) {
        let (database, tenant, id) = (self.database.clone(), key.tenant(), found.id);
        self.runtime.spawn(async move {
            let noted = async {
                let mut connection = database.acquire().await?;
                api_keys::note_use(&mut connection, tenant, id).await
            };
            if let Err(error) = noted.await {
                let cause: &dyn std::error::Error = &error;
                tracing::debug!(cause, "the use of a key could not be noted");
            }
        });
    }
}

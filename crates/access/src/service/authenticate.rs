//! Authenticates credentials.

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

/// Number of locks for concurrent lookups. Lookups of the same key take turns, so that a cache miss under load costs
/// one statement.
const LOOKUPS: usize = 64;

/// Maximum connections for lookups, so that a client with invented keys can't drain the pool.
const LOOKUP_CONNECTIONS: usize = 4;

/// The settings of an [`Authenticator`].
#[derive(Debug)]
pub struct AuthenticatorSettings {
    /// The kind of accepted keys.
    pub mode: KeyMode,
    /// How long a verified key is cached. A revoked key stays valid for up to this long.
    pub remember_for: Duration,
    /// Maximum number of cached keys.
    pub most_remembered: usize,
    /// The issuer whose tokens are accepted besides keys.
    pub issuer: Option<Issuer>,
}

/// Authenticates credentials.
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
    /// Creates an authenticator. Must be called inside the tokio runtime in which keys will be looked up.
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

    /// Authenticates a credential.
    ///
    /// # Errors
    /// [`AccessError::Unknown`] if it is not valid, or the error that prevents its verification.
    pub async fn authenticate(&self, token: &str) -> Result<Arc<Credential>, AccessError> {
        match (ApiKey::parse(token), &self.issuer) {
            (Ok(key), _) => self.recognise(&key).await,
            (Err(_), Some(issuer)) => issuer.verify(token).await.map(Arc::new),
            (Err(_), None) => Err(AccessError::Unknown("it is not an API key")),
        }
    }

    /// Returns the credential of a recently verified key from the cache, without waiting.
    pub fn recall(&self, token: &str) -> Option<Arc<Credential>> {
        let key = ApiKey::parse(token).ok()?;
        match self.memory.recall(&key.hash(), Instant::now()) {
            Recalled::Fresh(credential) if key.mode() == self.mode => Some(credential),
            _ => None,
        }
    }

    /// Registers the tenant of a request if this process does not know it yet: a token may name a tenant without a
    /// row. Known tenants are found in memory.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn register(&self, tenant: TenantId) -> Result<(), AccessError> {
        let tenant = tenant.as_uuid();
        if self.database.tenants().knows(tenant) {
            return Ok(());
        }
        let (database, connections) = (self.database.clone(), self.connections.clone());
        // In a task, because a client that disconnects must not interrupt a statement.
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
            return Err(AccessError::Unknown(
                "the key belongs to another installation",
            ));
        }
        let hash = key.hash();
        let turn = &self.lookups[usize::from(hash[0]) % LOOKUPS];
        let remembered = match self.memory.recall(&hash, Instant::now()) {
            Recalled::Fresh(credential) => return Ok(credential),
            Recalled::Aging(credential) => credential,
            Recalled::Nothing => {
                let _turn = turn.lock().await;
                // The previous holder of the lock may have looked up the same key.
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
            // The entry is still valid, and the database may recover before it expires.
            Err(AccessError::Database(_)) => Ok(remembered),
            answered => answered,
        }
    }

    async fn look_up(&self, key: &ApiKey, hash: KeyHash) -> Result<Arc<Credential>, AccessError> {
        let (database, tenant) = (self.database.clone(), key.tenant());
        let connections = self.connections.clone();
        // In a task, because a client that disconnects must not interrupt a statement.
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
                "the key does not exist, or is revoked or expired",
            ));
        };
        if found.use_is_unnoted {
            self.note_use(key, &found);
        }
        let scopes = Scopes::known_among(found.scopes.iter().map(String::as_str));
        let name = CredentialName::of_stored_key(&found.name);
        let credential = Arc::new(Credential {
            tenant,
            name: name.map_err(|_| AccessError::Unknown("the key has an invalid name"))?,
            scopes,
        });
        self.memory.remember(hash, credential.clone(), asked_at);
        Ok(credential)
    }

    /// Records the use of a key in the background. If that fails, the next lookup tries again.
    fn note_use(&self, key: &ApiKey, found: &LiveKey) {
        let (database, tenant, id) = (self.database.clone(), key.tenant(), found.id);
        self.runtime.spawn(async move {
            let noted = async {
                let mut connection = database.acquire().await?;
                api_keys::note_use(&mut connection, tenant, id).await
            };
            if let Err(error) = noted.await {
                let cause: &dyn std::error::Error = &error;
                tracing::debug!(cause, "could not record the use of a key");
            }
        });
    }
}

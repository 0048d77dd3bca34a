-- Retention: keys are purged by age, where that is configured.
CREATE INDEX CONCURRENTLY idempotency_keys_by_age ON orders.idempotency_keys (tenant_id, created_at);

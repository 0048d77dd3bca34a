DROP INDEX CONCURRENTLY orders.idempotency_keys_by_age;

DROP INDEX inventory.idempotency_keys_by_age;

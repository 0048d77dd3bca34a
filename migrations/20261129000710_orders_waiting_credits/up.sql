CREATE INDEX CONCURRENTLY credits_waiting ON orders.credits (tenant_id, order_id) WHERE source = 'return' AND refund_id IS NULL;

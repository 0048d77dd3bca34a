SET LOCAL lock_timeout = '5s';

-- A line is inserted with its fulfilment order, and neither is ever deleted: like the key of an order's lines.
ALTER TABLE fulfilment.lines DROP CONSTRAINT lines_tenant_id_fulfilment_order_id_fkey;

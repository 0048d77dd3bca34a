SET LOCAL lock_timeout = '5s';

-- Who requested a refund, as the order's events name the actor. Refunds made by the gateway, or by a version before this, have no row.
CREATE TABLE payments.refund_requests (
    tenant_id    uuid NOT NULL,
    refund_id    uuid NOT NULL,
    requested_by text NOT NULL CHECK (length(requested_by) BETWEEN 1 AND 300),
    PRIMARY KEY (tenant_id, refund_id),
    FOREIGN KEY (tenant_id, refund_id) REFERENCES payments.refunds (tenant_id, id)
);

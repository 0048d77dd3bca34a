SET LOCAL lock_timeout = '5s';

-- When the personal data of an order was erased. Its row stays valid for a program that does not know this column: the
-- address is then the text `erased`, and the destination is 0, 0.
ALTER TABLE orders.orders ADD COLUMN erased_at timestamptz;

-- Requests to erase a customer, which are the proof of them. One that is complete names the customer by a hash only, and
-- never changes again.
CREATE TABLE orders.erasures (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    -- SHA-256 of tenant and customer.
    customer_hash   bytea       NOT NULL CHECK (octet_length(customer_hash) = 32),
    -- NULL once it is complete.
    customer_id     uuid,
    -- What erased orders have in place of the customer. NULL once it is complete, so that nothing leads back.
    pseudonym       uuid,
    requested_by    text        NOT NULL CHECK (length(requested_by) BETWEEN 1 AND 300),
    requested_at    timestamptz NOT NULL,
    -- Orders that were placed later are not erased. Repeating an open request moves it.
    covers_until    timestamptz NOT NULL,
    -- Whether orders that were paid a short while ago are erased too.
    includes_recent boolean     NOT NULL,
    erased_orders   integer     NOT NULL DEFAULT 0 CHECK (erased_orders >= 0),
    -- The last order that the current pass has looked at; NULL at its beginning.
    position        uuid,
    -- Whether the latest pass has left out orders that could have been erased, because they were locked.
    passed_over     boolean     NOT NULL DEFAULT false,
    -- When the worker looks at it next. A claim moves it into the future, which is its lease.
    due_at          timestamptz,
    claim           bigint      NOT NULL DEFAULT 0,
    tries           integer     NOT NULL DEFAULT 0,
    completed_at    timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT erasures_complete_as_a_whole CHECK (
        (completed_at IS NULL) = (customer_id IS NOT NULL)
        AND (completed_at IS NULL) = (pseudonym IS NOT NULL)
        AND (completed_at IS NULL) = (due_at IS NOT NULL))
);
CREATE INDEX erasures_due ON orders.erasures (tenant_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX erasures_of_customer ON orders.erasures (tenant_id, customer_hash);
-- Somebody who repeats an open request goes on with it.
CREATE UNIQUE INDEX erasures_open ON orders.erasures (tenant_id, customer_hash, requested_by, includes_recent)
    WHERE completed_at IS NULL;

SET LOCAL lock_timeout = '5s';

-- Since when oms records what is shipped. What became of the goods of an order that was paid before is not known, so that its
-- fulfilment order is opened on hold.
ALTER TABLE installation.identity ADD COLUMN fulfilment_from timestamptz NOT NULL DEFAULT now();

DROP TABLE orders.settlements;
UPDATE orders.dead_letters SET resolution = 'ended' WHERE resolution IN ('settled_elsewhere', 'refund_given_up');
ALTER TABLE orders.dead_letters
    DROP CONSTRAINT dead_letters_resolution_check,
    ADD CONSTRAINT dead_letters_resolution_check CHECK (resolution IN ('retried', 'paid', 'failed', 'ended'));

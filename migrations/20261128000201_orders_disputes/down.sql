DELETE FROM orders.findings WHERE kind IN ('refund_failed', 'payment_disputed');
ALTER TABLE orders.findings
    DROP CONSTRAINT findings_kind_check,
    ADD CONSTRAINT findings_kind_check CHECK (kind IN (
        'charge_without_order', 'paid_without_charge', 'amount_mismatch', 'charge_on_ended_order',
        'authorisation_on_ended_order')),
    DROP CONSTRAINT findings_subject_is_named,
    ADD CONSTRAINT findings_subject_is_named CHECK (coalesce(subject IN (charge_reference, payment_reference), false));
DROP TABLE orders.disputes;

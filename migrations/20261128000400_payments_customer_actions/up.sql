-- What the customer has to do while an attempt needs it: the kind, the gateway's client secret for this one payment, and
-- the page. Forgotten by whoever moves the attempt on. Nothing but a NULL for an attempt that never needed it.
ALTER TABLE payments.attempts ADD COLUMN customer_action jsonb;

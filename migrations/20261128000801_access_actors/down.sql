-- Fails while there are longer actors: nobody's deeds are cut short.
ALTER TABLE inventory.stock_movements DROP CONSTRAINT stock_movements_actor_check,
    ADD CONSTRAINT stock_movements_actor_check CHECK (length(actor) BETWEEN 1 AND 200);
ALTER TABLE orders.events DROP CONSTRAINT events_actor_check,
    ADD CONSTRAINT events_actor_check CHECK (length(actor) BETWEEN 1 AND 200);
ALTER TABLE payments.gateway_calls DROP CONSTRAINT gateway_calls_actor_check,
    ADD CONSTRAINT gateway_calls_actor_check CHECK (length(actor) BETWEEN 1 AND 200);

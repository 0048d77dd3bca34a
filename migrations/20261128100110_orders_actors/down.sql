-- Fails while there are longer actors: nobody's deeds are cut short.
ALTER TABLE orders.dead_letters DROP CONSTRAINT dead_letters_resolved_by_check,
    ADD CONSTRAINT dead_letters_resolved_by_check CHECK (length(resolved_by) BETWEEN 1 AND 200);
ALTER TABLE orders.findings DROP CONSTRAINT findings_resolved_by_check,
    ADD CONSTRAINT findings_resolved_by_check CHECK (length(resolved_by) BETWEEN 1 AND 200);

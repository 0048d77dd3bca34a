SET LOCAL lock_timeout = '5s';

-- As in the other tables that name an actor: `operator:token:` and a subject of 255 characters.
-- online: dead letters are few, and the constraint only gets wider
ALTER TABLE orders.dead_letters DROP CONSTRAINT dead_letters_resolved_by_check,
    ADD CONSTRAINT dead_letters_resolved_by_check CHECK (length(resolved_by) BETWEEN 1 AND 300);
-- online: findings are few, and the constraint only gets wider
ALTER TABLE orders.findings DROP CONSTRAINT findings_resolved_by_check,
    ADD CONSTRAINT findings_resolved_by_check CHECK (length(resolved_by) BETWEEN 1 AND 300);

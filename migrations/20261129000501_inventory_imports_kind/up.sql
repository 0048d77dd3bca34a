SET LOCAL lock_timeout = '5s';

ALTER TABLE inventory.imports VALIDATE CONSTRAINT imports_kind;

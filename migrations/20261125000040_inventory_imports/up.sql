-- Imports: how far each has come, for whoever goes on with it after it was cut off, and what it came to.
CREATE TABLE inventory.imports (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    kind        text        NOT NULL CHECK (kind IN ('products', 'stock')),
    lines_done  integer     NOT NULL DEFAULT 0 CHECK (lines_done >= 0),
    created     integer     NOT NULL DEFAULT 0 CHECK (created >= 0),
    changed     integer     NOT NULL DEFAULT 0 CHECK (changed >= 0),
    unchanged   integer     NOT NULL DEFAULT 0 CHECK (unchanged >= 0),
    rejected    integer     NOT NULL DEFAULT 0 CHECK (rejected >= 0),
    created_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);

-- The rows that were rejected, as many as a report names.
CREATE TABLE inventory.import_rejections (
    tenant_id uuid    NOT NULL,
    import_id uuid    NOT NULL,
    line      integer NOT NULL CHECK (line > 0),
    code      text    NOT NULL CHECK (length(code) BETWEEN 1 AND 50),
    reason    text    NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    PRIMARY KEY (tenant_id, import_id, line),
    FOREIGN KEY (tenant_id, import_id) REFERENCES inventory.imports (tenant_id, id)
);

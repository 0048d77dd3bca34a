-- Partitions every tenant table by a hash of the tenant. This imposes the rules of a distributed engine: keys and
-- foreign keys must contain the tenant, and a statement without the tenant reads all partitions. The tables must be
-- empty. Partitions and their indexes are named like the shards of Citus, so that error messages contain such names.
DO $partitions$
DECLARE
    partitions CONSTANT integer := 2;
    ours regclass[];
    tab regclass;
    row record;
    cut text;
BEGIN
    SELECT array_agg(c.oid::regclass ORDER BY c.oid) INTO ours
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
    WHERE c.relkind = 'r' AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema|public)';

    CREATE TEMP TABLE later (place serial, kind text, schema text, name text, statement text);
    -- Keys, then other indexes, then foreign keys, all with their original names.
    INSERT INTO later (kind, schema, name, statement)
    SELECT CASE contype WHEN 'f' THEN 'foreign' ELSE 'key' END, connamespace::regnamespace::text, conname,
        format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE conrelid = ANY (ours) AND contype IN ('p', 'u', 'f')
    ORDER BY contype = 'f', conrelid, conname;
    INSERT INTO later (kind, schema, name, statement)
    SELECT 'index', relnamespace::regnamespace::text, relname, pg_get_indexdef(indexrelid)
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indrelid = ANY (ours)
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'));

    FOREACH tab IN ARRAY ours LOOP
        FOR row IN SELECT conname FROM pg_constraint WHERE conrelid = tab AND contype = 'f' LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', tab, row.conname);
        END LOOP;
    END LOOP;
    FOREACH tab IN ARRAY ours LOOP
        SELECT n.nspname AS schema, c.relname AS name, c.reloptions AS options INTO row
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = tab;
        EXECUTE format('CREATE TABLE %I.whole (LIKE %s INCLUDING ALL EXCLUDING INDEXES) PARTITION BY HASH (tenant_id)',
            row.schema, tab);
        EXECUTE format('DROP TABLE %s', tab);
        EXECUTE format('ALTER TABLE %I.whole RENAME TO %I', row.schema, row.name);
        FOR part IN 0 .. partitions - 1 LOOP
            EXECUTE format('CREATE TABLE %1$I.%2$I PARTITION OF %1$I.%3$I FOR VALUES WITH (MODULUS %4$s, REMAINDER %5$s)',
                row.schema, row.name || '_' || 100000 + part, row.name, partitions, part);
            IF row.options IS NOT NULL THEN
                EXECUTE format('ALTER TABLE %I.%I SET (%s)', row.schema, row.name || '_' || 100000 + part,
                    array_to_string(row.options, ', '));
            END IF;
        END LOOP;
    END LOOP;
    FOR row IN SELECT * FROM later ORDER BY kind = 'foreign', place LOOP
        EXECUTE row.statement;
    END LOOP;
    FOR row IN
        SELECT child.oid::regclass AS child, parent.relname || '_' || right(part.relname, 6) AS wanted
        FROM pg_inherits i
        JOIN pg_class child ON child.oid = i.inhrelid AND child.relkind = 'i'
        JOIN pg_class parent ON parent.oid = i.inhparent
        JOIN pg_index x ON x.indexrelid = child.oid
        JOIN pg_class part ON part.oid = x.indrelid
    LOOP
        EXECUTE format('ALTER INDEX %s RENAME TO %I', row.child, left(row.wanted, 63));
    END LOOP;
    DROP TABLE later;
END $partitions$;

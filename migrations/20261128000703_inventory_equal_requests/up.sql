-- The header Idempotency-Key may have its key between quotes, as a string of RFC 9651. Keys that were kept with the quotes stand
-- for what they stood for: else a request that is sent again would be done again. One whose bare spelling is taken as well
-- belongs to another request, and stays.
CREATE FUNCTION pg_temp.bare(quoted text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(substr(quoted, 2, length(quoted) - 2), '\\(["\\])', '\1', 'g')
$$;

UPDATE inventory.idempotency_keys AS quoted SET idempotency_key = pg_temp.bare(idempotency_key)
WHERE idempotency_key ~ '^"([^"\\]|\\["\\])+"$' AND NOT EXISTS (
    SELECT FROM inventory.idempotency_keys AS taken
    WHERE taken.tenant_id = quoted.tenant_id AND taken.idempotency_key = pg_temp.bare(quoted.idempotency_key)
);

DROP FUNCTION pg_temp.bare(text);

-- Texts that things are found by are kept in Unicode's normalization form C from now on, and those of before with them. Where another
-- thing has the composed spelling, both stay.
DO $$
BEGIN
    -- PostgreSQL normalizes in UTF-8 only; in another encoding there is little to compose.
    IF current_setting('server_encoding') <> 'UTF8' THEN
        RETURN;
    END IF;
    UPDATE inventory.products AS it SET sku = normalize(sku, NFC)
    WHERE sku IS NOT NFC NORMALIZED AND NOT EXISTS (
        SELECT FROM inventory.products AS other
        WHERE other.tenant_id = it.tenant_id AND other.id <> it.id AND normalize(other.sku, NFC) = normalize(it.sku, NFC)
    );
    UPDATE inventory.warehouses AS it SET name = normalize(name, NFC)
    WHERE name IS NOT NFC NORMALIZED AND NOT EXISTS (
        SELECT FROM inventory.warehouses AS other
        WHERE other.tenant_id = it.tenant_id AND other.id <> it.id AND normalize(other.name, NFC) = normalize(it.name, NFC)
    );
END
$$;

-- The header Idempotency-Key may have its key between quotes, as a string of RFC 9651. Keys that were kept with the quotes stand
-- for what they stood for: else a request that is sent again would be done again. One whose bare spelling is taken as well
-- belongs to another request, and stays.
CREATE FUNCTION pg_temp.bare(quoted text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(substr(quoted, 2, length(quoted) - 2), '\\(["\\])', '\1', 'g')
$$;

UPDATE orders.orders AS quoted SET idempotency_key = pg_temp.bare(idempotency_key)
WHERE idempotency_key ~ '^"([^"\\]|\\["\\])+"$' AND NOT EXISTS (
    SELECT FROM orders.orders AS taken
    WHERE taken.tenant_id = quoted.tenant_id AND taken.idempotency_key = pg_temp.bare(quoted.idempotency_key)
);

UPDATE orders.idempotency_keys AS quoted SET idempotency_key = pg_temp.bare(idempotency_key)
WHERE idempotency_key ~ '^"([^"\\]|\\["\\])+"$' AND NOT EXISTS (
    SELECT FROM orders.idempotency_keys AS taken
    WHERE taken.tenant_id = quoted.tenant_id AND taken.idempotency_key = pg_temp.bare(quoted.idempotency_key)
);

DROP FUNCTION pg_temp.bare(text);

-- Texts that things are found by are kept in Unicode's normalization form C from now on, and those of before with them.
DO $$
BEGIN
    -- PostgreSQL normalizes in UTF-8 only; in another encoding there is little to compose.
    IF current_setting('server_encoding') <> 'UTF8' THEN
        RETURN;
    END IF;
    UPDATE orders.orders SET external_reference = normalize(external_reference, NFC)
    WHERE external_reference IS NOT NFC NORMALIZED;
END
$$;

-- The header Idempotency-Key may have its key between quotes, as a string of RFC 9651. Keys that were kept with the quotes stand
-- for what they stood for: else a request that is sent again would be done again. One whose bare spelling is taken as well
-- belongs to another request, and stays.
CREATE FUNCTION pg_temp.bare(quoted text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(substr(quoted, 2, length(quoted) - 2), '\\(["\\])', '\1', 'g')
$$;

UPDATE payments.refunds AS quoted SET idempotency_key = pg_temp.bare(idempotency_key)
WHERE idempotency_key ~ '^"([^"\\]|\\["\\])+"$' AND NOT EXISTS (
    SELECT FROM payments.refunds AS taken
    WHERE taken.tenant_id = quoted.tenant_id AND taken.idempotency_key = pg_temp.bare(quoted.idempotency_key)
);

DROP FUNCTION pg_temp.bare(text);

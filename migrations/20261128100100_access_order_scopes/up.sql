SET LOCAL lock_timeout = '5s';

-- Cancelling and refunding take scopes of their own. Keys made before keep what they could do.
-- online: an installation has some hundred keys
UPDATE access.api_keys
SET scopes = array_remove(array_remove(scopes, 'orders:cancel'), 'orders:refund') || ARRAY['orders:cancel', 'orders:refund']
WHERE 'orders:write' = ANY (scopes) AND NOT scopes @> ARRAY['orders:cancel', 'orders:refund'];

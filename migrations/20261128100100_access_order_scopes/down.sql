-- To the version before, orders:write means all three. It ignores the names in keys that have only the others.
UPDATE access.api_keys SET scopes = array_remove(array_remove(scopes, 'orders:cancel'), 'orders:refund')
WHERE 'orders:write' = ANY (scopes);

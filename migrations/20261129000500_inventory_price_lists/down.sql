DELETE FROM inventory.import_rejections r USING inventory.imports i
WHERE i.tenant_id = r.tenant_id AND i.id = r.import_id AND i.kind = 'prices';
DELETE FROM inventory.imports WHERE kind = 'prices';
ALTER TABLE inventory.imports DROP CONSTRAINT imports_kind;
ALTER TABLE inventory.imports ADD CONSTRAINT imports_kind_check CHECK (kind IN ('products', 'stock'));
DROP TABLE inventory.list_prices;
DROP TABLE inventory.price_lists;
DROP DOMAIN inventory.unit_price_minor;
DROP DOMAIN inventory.version;
DROP DOMAIN inventory.currency;
DROP DOMAIN inventory.price_list_code;

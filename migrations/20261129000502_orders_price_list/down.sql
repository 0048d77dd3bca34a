ALTER TABLE orders.orders DROP COLUMN price_list;
DROP DOMAIN orders.price_list_code;

SET LOCAL lock_timeout = '5s';

-- The code of the price list that the request named. The domain gets its constraint last: a new column whose domain has
-- one would rewrite the table.
CREATE DOMAIN orders.price_list_code AS text;
ALTER TABLE orders.orders ADD COLUMN price_list orders.price_list_code;
ALTER DOMAIN orders.price_list_code
    ADD CONSTRAINT price_list_code_check CHECK (VALUE ~ '^[A-Za-z0-9._-]{1,64}$') NOT VALID;

DROP TABLE orders.retries;

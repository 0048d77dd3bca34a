DROP TABLE orders.alerts;
DROP TABLE orders.dead_letters;

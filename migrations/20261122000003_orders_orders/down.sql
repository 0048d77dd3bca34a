DROP TABLE orders.reconciliations;
DROP TABLE orders.events;
DROP TABLE orders.lines;
DROP TABLE orders.orders;
DROP SCHEMA orders;

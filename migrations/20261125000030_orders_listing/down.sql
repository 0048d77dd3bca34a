DROP INDEX orders.events_of_ends;
DROP INDEX orders.orders_of_a_warehouse;
DROP INDEX orders.orders_of_a_customer;

DROP INDEX orders.credits_waiting;

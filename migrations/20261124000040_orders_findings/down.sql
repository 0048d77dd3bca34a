DROP TABLE orders.reconciliation_progress;
DELETE FROM orders.alerts WHERE kind = 'finding';
DROP TABLE orders.findings;

DROP INDEX CONCURRENTLY inventory.stock_movements_once;

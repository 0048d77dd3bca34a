DROP INDEX inventory.stock_levels_stocked;

DROP TABLE access.console_views;
DROP DOMAIN access.view_slot;
DROP DOMAIN access.view_query;
DROP DOMAIN access.view_name;

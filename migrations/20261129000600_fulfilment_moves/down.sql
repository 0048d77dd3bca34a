DROP TABLE fulfilment.exclusions;
DROP TABLE fulfilment.moves;
DROP DOMAIN fulfilment.routing_trace;
DROP DOMAIN fulfilment.moved_lines;
DROP DOMAIN fulfilment.move_cause;

DROP TABLE fulfilment.evacuated_orders;
DROP TABLE fulfilment.evacuations;
DROP DOMAIN fulfilment.evacuation_outcome;

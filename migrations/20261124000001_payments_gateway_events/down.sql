DROP TABLE payments.gateway_events;

DROP TABLE payments.gateway_calls;

DROP TABLE payments.refund_requests;

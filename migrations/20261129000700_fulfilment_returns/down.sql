DROP TABLE fulfilment.return_receipts;
DROP TABLE fulfilment.return_lines;
DROP TABLE fulfilment.returns;
DROP DOMAIN fulfilment.receipt_lines;
DROP DOMAIN fulfilment.return_terms;
DROP DOMAIN fulfilment.return_reason;
DROP DOMAIN fulfilment.return_requester;
DROP DOMAIN fulfilment.return_status;

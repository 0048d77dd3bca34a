ALTER TABLE installation.identity DROP COLUMN fulfilment_from;

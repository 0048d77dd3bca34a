SET LOCAL lock_timeout = '5s';

-- What a statement casts the condition to under which its transaction may commit: the cast of false is an error. So COMMIT
-- can be sent together with the statement. NULL expects nothing.
CREATE DOMAIN installation.expected AS boolean CONSTRAINT as_expected CHECK (VALUE);

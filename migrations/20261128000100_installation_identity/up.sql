CREATE SCHEMA installation;

-- Which installation this database belongs to, and where the database is. One row, for all tenants; `oms-api migrate` makes it.
CREATE TABLE installation.identity (
    singleton         boolean     PRIMARY KEY DEFAULT true CHECK (singleton),
    -- In the metadata of every payment. A copy of the database has the same one, so that it authorises nothing.
    id                uuid        NOT NULL,
    -- Where the database was when it was last started: a dump that was restored, and a database made from another one, are
    -- elsewhere. NULL: the server does not say.
    system_identifier bigint,
    database_oid      bigint      NOT NULL,
    -- Payments that were attempted before this were inherited: the database that this one was copied from may be using them.
    inherited_until   timestamptz,
    -- Up to when they stay so, because an operator has declared this database an installation of its own.
    separated_at      timestamptz,
    CONSTRAINT identity_separated_payments_stay_inherited CHECK (separated_at IS NULL OR inherited_until >= separated_at)
);

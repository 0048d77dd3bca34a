SET LOCAL lock_timeout = '5s';

-- The conditions on single columns of attempts and gateway calls become domains. PostgreSQL reads and plans the
-- text of every CHECK of a table in each INSERT and UPDATE, and the constraint of a domain once per session.
--
-- A column changes to a domain without a rewrite as long as the domain has no constraint, so the domains get theirs
-- afterwards. NOT VALID: the CHECKs that are dropped here have already refused every row that would not fit.
CREATE DOMAIN payments.attempt_state AS text;
CREATE DOMAIN payments.call_effect AS text;
CREATE DOMAIN payments.actor AS text;
CREATE DOMAIN payments.currency AS text;
CREATE DOMAIN payments.decline_code AS text;
CREATE DOMAIN payments.gateway AS text;
CREATE DOMAIN payments.operation AS text;
CREATE DOMAIN payments.call_outcome AS text;
CREATE DOMAIN payments.reference AS text;
CREATE DOMAIN payments.request_id AS text;
CREATE DOMAIN payments.ordinal AS integer;
CREATE DOMAIN payments.positive_minor AS bigint;
CREATE DOMAIN payments.duration_ms AS integer;

ALTER TABLE payments.attempts DROP CONSTRAINT attempts_number_check;
ALTER TABLE payments.attempts DROP CONSTRAINT attempts_state_check;
ALTER TABLE payments.attempts DROP CONSTRAINT attempts_amount_minor_check;
ALTER TABLE payments.attempts DROP CONSTRAINT attempts_currency_check;
ALTER TABLE payments.attempts DROP CONSTRAINT attempts_gateway_check;
ALTER TABLE payments.attempts DROP CONSTRAINT attempts_reference_check;
ALTER TABLE payments.attempts DROP CONSTRAINT attempts_captured_minor_check;
ALTER TABLE payments.attempts DROP CONSTRAINT attempts_decline_code_check;
-- online: nothing is rewritten; partial indexes and remaining CHECKs on these columns take seconds per million rows
ALTER TABLE payments.attempts
    ALTER COLUMN number TYPE payments.ordinal,
    ALTER COLUMN state TYPE payments.attempt_state,
    ALTER COLUMN amount_minor TYPE payments.positive_minor,
    ALTER COLUMN currency TYPE payments.currency,
    ALTER COLUMN gateway TYPE payments.gateway,
    ALTER COLUMN reference TYPE payments.reference,
    ALTER COLUMN captured_minor TYPE payments.positive_minor,
    ALTER COLUMN decline_code TYPE payments.decline_code;

ALTER TABLE payments.gateway_calls DROP CONSTRAINT gateway_calls_operation_check;
ALTER TABLE payments.gateway_calls DROP CONSTRAINT gateway_calls_gateway_check;
ALTER TABLE payments.gateway_calls DROP CONSTRAINT gateway_calls_reference_check;
ALTER TABLE payments.gateway_calls DROP CONSTRAINT gateway_calls_request_id_check;
ALTER TABLE payments.gateway_calls DROP CONSTRAINT gateway_calls_outcome_check;
ALTER TABLE payments.gateway_calls DROP CONSTRAINT gateway_calls_effect_check;
ALTER TABLE payments.gateway_calls DROP CONSTRAINT gateway_calls_duration_ms_check;
ALTER TABLE payments.gateway_calls DROP CONSTRAINT gateway_calls_actor_check;
-- online: nothing is rewritten; partial indexes and remaining CHECKs on these columns take seconds per million rows
ALTER TABLE payments.gateway_calls
    ALTER COLUMN operation TYPE payments.operation,
    ALTER COLUMN gateway TYPE payments.gateway,
    ALTER COLUMN reference TYPE payments.reference,
    ALTER COLUMN request_id TYPE payments.request_id,
    ALTER COLUMN outcome TYPE payments.call_outcome,
    ALTER COLUMN effect TYPE payments.call_effect,
    ALTER COLUMN duration_ms TYPE payments.duration_ms,
    ALTER COLUMN actor TYPE payments.actor;

ALTER DOMAIN payments.attempt_state ADD CONSTRAINT attempt_state_check CHECK (
    VALUE IN (
        'created', 'sent', 'authorised', 'needs_action', 'processing', 'unknown', 'voiding', 'voided', 'declined', 'paid',
        'refunding', 'refunded')
) NOT VALID;
ALTER DOMAIN payments.call_effect ADD CONSTRAINT call_effect_check CHECK (VALUE IN ('known', 'unknown')) NOT VALID;
ALTER DOMAIN payments.actor ADD CONSTRAINT actor_check CHECK (length(VALUE) BETWEEN 1 AND 300) NOT VALID;
ALTER DOMAIN payments.currency ADD CONSTRAINT currency_check CHECK (VALUE ~ '^[A-Z]{3}$') NOT VALID;
ALTER DOMAIN payments.decline_code ADD CONSTRAINT decline_code_check CHECK (length(VALUE) BETWEEN 1 AND 100) NOT VALID;
ALTER DOMAIN payments.gateway ADD CONSTRAINT gateway_check CHECK (length(VALUE) BETWEEN 1 AND 50) NOT VALID;
ALTER DOMAIN payments.operation ADD CONSTRAINT operation_check CHECK (length(VALUE) BETWEEN 1 AND 50) NOT VALID;
ALTER DOMAIN payments.call_outcome ADD CONSTRAINT call_outcome_check CHECK (length(VALUE) BETWEEN 1 AND 250) NOT VALID;
ALTER DOMAIN payments.reference ADD CONSTRAINT reference_check CHECK (length(VALUE) BETWEEN 1 AND 255) NOT VALID;
ALTER DOMAIN payments.request_id ADD CONSTRAINT request_id_check CHECK (length(VALUE) BETWEEN 1 AND 255) NOT VALID;
ALTER DOMAIN payments.ordinal ADD CONSTRAINT ordinal_check CHECK (VALUE > 0) NOT VALID;
ALTER DOMAIN payments.positive_minor ADD CONSTRAINT positive_minor_check CHECK (VALUE > 0) NOT VALID;
ALTER DOMAIN payments.duration_ms ADD CONSTRAINT duration_ms_check CHECK (VALUE >= 0) NOT VALID;

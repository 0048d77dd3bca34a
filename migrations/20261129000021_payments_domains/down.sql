ALTER TABLE payments.attempts
    ALTER COLUMN number TYPE integer,
    ALTER COLUMN state TYPE text,
    ALTER COLUMN amount_minor TYPE bigint,
    ALTER COLUMN currency TYPE text,
    ALTER COLUMN gateway TYPE text,
    ALTER COLUMN reference TYPE text,
    ALTER COLUMN captured_minor TYPE bigint,
    ALTER COLUMN decline_code TYPE text,
    ADD CONSTRAINT attempts_number_check CHECK (number > 0),
    ADD CONSTRAINT attempts_state_check CHECK (state IN (
        'created', 'sent', 'authorised', 'needs_action', 'processing', 'unknown', 'voiding', 'voided', 'declined', 'paid',
        'refunding', 'refunded')),
    ADD CONSTRAINT attempts_amount_minor_check CHECK (amount_minor > 0),
    ADD CONSTRAINT attempts_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    ADD CONSTRAINT attempts_gateway_check CHECK (length(gateway) BETWEEN 1 AND 50),
    ADD CONSTRAINT attempts_reference_check CHECK (length(reference) BETWEEN 1 AND 255),
    ADD CONSTRAINT attempts_captured_minor_check CHECK (captured_minor > 0),
    ADD CONSTRAINT attempts_decline_code_check CHECK (length(decline_code) BETWEEN 1 AND 100);
ALTER TABLE payments.gateway_calls
    ALTER COLUMN operation TYPE text,
    ALTER COLUMN gateway TYPE text,
    ALTER COLUMN reference TYPE text,
    ALTER COLUMN request_id TYPE text,
    ALTER COLUMN outcome TYPE text,
    ALTER COLUMN effect TYPE text,
    ALTER COLUMN duration_ms TYPE integer,
    ALTER COLUMN actor TYPE text,
    ADD CONSTRAINT gateway_calls_operation_check CHECK (length(operation) BETWEEN 1 AND 50),
    ADD CONSTRAINT gateway_calls_gateway_check CHECK (length(gateway) BETWEEN 1 AND 50),
    ADD CONSTRAINT gateway_calls_reference_check CHECK (length(reference) BETWEEN 1 AND 255),
    ADD CONSTRAINT gateway_calls_request_id_check CHECK (length(request_id) BETWEEN 1 AND 255),
    ADD CONSTRAINT gateway_calls_outcome_check CHECK (length(outcome) BETWEEN 1 AND 250),
    ADD CONSTRAINT gateway_calls_effect_check CHECK (effect IN ('known', 'unknown')),
    ADD CONSTRAINT gateway_calls_duration_ms_check CHECK (duration_ms >= 0),
    ADD CONSTRAINT gateway_calls_actor_check CHECK (length(actor) BETWEEN 1 AND 300);
DROP DOMAIN payments.attempt_state;
DROP DOMAIN payments.call_effect;
DROP DOMAIN payments.actor;
DROP DOMAIN payments.currency;
DROP DOMAIN payments.decline_code;
DROP DOMAIN payments.gateway;
DROP DOMAIN payments.operation;
DROP DOMAIN payments.call_outcome;
DROP DOMAIN payments.reference;
DROP DOMAIN payments.request_id;
DROP DOMAIN payments.ordinal;
DROP DOMAIN payments.positive_minor;
DROP DOMAIN payments.duration_ms;

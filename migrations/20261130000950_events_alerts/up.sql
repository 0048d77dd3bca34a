SET LOCAL lock_timeout = '5s';

-- Alerts are sent by sinks too.
ALTER DOMAIN events.sink_name DROP CONSTRAINT sink_name_check;
ALTER DOMAIN events.sink_name ADD CONSTRAINT sink_name_check
    CHECK (VALUE IN ('nats', 'kafka', 'alert_log', 'alert_webhook')) NOT VALID;

-- Whether the sink takes records only: then events of orders do not make it due.
ALTER TABLE events.sinks ADD COLUMN only_records boolean NOT NULL DEFAULT false;

-- What happens from now on alerts through the feed, and what the previous version has not delivered yet: it begins
-- before the first event of an undelivered alert. The webhook begins where the log is. An event gets its position
-- after its time, except that clocks of transactions may be a little apart.
INSERT INTO events.sinks (tenant_id, sink, position, due_at, only_records)
SELECT h.tenant_id, 'alert_log', least(h.position, undelivered.before), now(), true
FROM events.heads h
LEFT JOIN (
    SELECT s.tenant_id, min(s.last_position - cardinality(s.numbers)) AS before
    FROM (
        SELECT raised.tenant_id, min(raised.at) - interval '1 minute' AS at
        FROM (
            SELECT a.tenant_id, a.subject_id, max(r.occurred_at) AS at
            FROM orders.alerts a
            JOIN events.records r ON r.tenant_id = a.tenant_id AND r.subject_id = a.subject_id
            WHERE a.delivered_at IS NULL AND r.type IN ('dead_letter.opened', 'finding.opened')
            GROUP BY a.tenant_id, a.subject_id
        ) raised
        GROUP BY raised.tenant_id
    ) oldest
    JOIN events.segments s ON s.tenant_id = oldest.tenant_id AND s.written_at >= oldest.at
    GROUP BY s.tenant_id
) undelivered ON undelivered.tenant_id = h.tenant_id;

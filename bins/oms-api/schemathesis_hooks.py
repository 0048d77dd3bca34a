"""JSON lines are sent as the text that they are."""

import schemathesis

schemathesis.serializer.alias(["application/jsonl", "application/x-ndjson"], "text/plain")

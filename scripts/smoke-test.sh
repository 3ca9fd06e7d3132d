#!/bin/sh
# Sends a reading and reads it back: what `helm test` runs. Needs INGESTION_URL and PROCESSING_URL.
set -eu

site="smoke-test"
reading="{\"site_id\": \"$site\", \"device_id\": \"smoke-test\", \"power_reading\": 1, \"timestamp\": \"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"}"

accepted=$(wget -q -O - --header 'Content-Type: application/json' --post-data "$reading" "$INGESTION_URL/readings")
id=$(printf %s "$accepted" | sed -n 's/.*"stream_id": *"\([^"]*\)".*/\1/p')
[ -n "$id" ] || { echo "the reading was not accepted: $accepted"; exit 1; }
echo "accepted as $id"

for _ in $(seq 60); do
    if wget -q -O - "$PROCESSING_URL/sites/$site/readings" | grep -q "\"$id\""; then
        echo "read back"
        exit 0
    fi
    sleep 1
done
echo "accepted, but not stored within a minute: is a processing service running?"
exit 1

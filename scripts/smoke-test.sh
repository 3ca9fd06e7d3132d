#!/bin/sh
# What `helm test` runs: asks whether both services are ready, whether the Ingestion API judges readings, and whether readings of a site
# can be read. Nothing is written, as a reading cannot be taken back: the one that is sent must be refused. With
# SMOKE_TEST_WRITES=true one of the site `smoke-test` is sent, too, and waited for; that one stays. Needs INGESTION_URL and
# PROCESSING_URL.
set -eu

site="smoke-test"
fail() { echo "$*"; exit 1; }

# wget of busybox and of GNU: what is answered, and with which status.
status() { wget -S -O /dev/null "$@" 2>&1 | sed -n 's|^ *HTTP/1\.[01] \([0-9]*\).*|\1|p' | tail -1; }
post() { wget -q -O - --header 'Content-Type: application/json' --post-data "$1" "$INGESTION_URL/readings"; }

for url in "$INGESTION_URL" "$PROCESSING_URL"; do
    answered=$(status "$url/readyz" || true)
    [ "$answered" = 200 ] || fail "$url is not ready: it answers ${answered:-nothing}, and its /readyz says why"
    echo "$url is ready"
done

answered=$(status --header 'Content-Type: application/json' --post-data '{}' "$INGESTION_URL/readings" || true)
[ "$answered" = 422 ] || fail "a reading without members must be refused (422), but the answer is ${answered:-none}"
echo "what is no reading is refused"

wget -q -O - "$PROCESSING_URL/sites/$site/readings" | grep -q '"readings" *: *\[' || fail "the readings of a site cannot be read"
echo "the readings of a site can be read"

if [ "${SMOKE_TEST_WRITES:-false}" != true ]; then
    echo "nothing was written"
    exit 0
fi

reading="{\"site_id\": \"$site\", \"device_id\": \"smoke-test\", \"power_reading\": 1, \"timestamp\": \"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"}"
accepted=$(post "$reading" || true)
id=$(printf %s "$accepted" | sed -n 's/.*"stream_id": *"\([^"]*\)".*/\1/p')
[ -n "$id" ] || fail "the reading was not accepted: $accepted"
echo "accepted as $id"

for _ in $(seq 60); do
    if wget -q -O - "$PROCESSING_URL/sites/$site/readings" | grep -q "\"$id\""; then
        echo "read back; it stays, as readings cannot be deleted"
        exit 0
    fi
    sleep 1
done
fail "accepted, but not stored within a minute: is a processing service running?"

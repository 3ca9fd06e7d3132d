#!/bin/sh
# What `helm test` runs: asks whether both services are ready, whether the Ingestion API judges readings, and whether readings of a site
# can be read. Nothing is written, as a reading cannot be taken back: the one that is sent must be refused. With
# SMOKE_TEST_WRITES=true one of the site `smoke-test` is sent, too, and waited for; that one stays. Needs INGESTION_URL and
# PROCESSING_URL.
#
# With SMOKE_TEST_AUTHENTICATED=true the services require a key or certificate: the key is that of the file SMOKE_TEST_API_KEY_FILE, and the
# certificate that of SMOKE_TEST_CERT_FILE and SMOKE_TEST_KEY_FILE. Without any, requests must be rejected. SMOKE_TEST_CA_FILE has the
# authorities of the services' certificates, if those of the system do not do.
set -eu

site="smoke-test"
fail() { echo "$*"; exit 1; }

# As a header on standard input: arguments can be seen.
authorization() {
    [ -z "${SMOKE_TEST_API_KEY_FILE:-}" ] || printf 'Authorization: Bearer %s\n' "$(cat "$SMOKE_TEST_API_KEY_FILE")"
}
ask() {
    authorization | curl -sS --max-time 10 --header @- ${SMOKE_TEST_CA_FILE:+--cacert "$SMOKE_TEST_CA_FILE"} \
        ${SMOKE_TEST_CERT_FILE:+--cert "$SMOKE_TEST_CERT_FILE" --key "$SMOKE_TEST_KEY_FILE"} "$@"
}
# The status of a response; empty without one.
status() { ask -o /dev/null -w '%{http_code}' "$@" | sed 's/^000$//'; }
post() { ask --header 'Content-Type: application/json' --data "$@" "$INGESTION_URL/readings"; }

for url in "$INGESTION_URL" "$PROCESSING_URL"; do
    answered=$(status "$url/readyz" || true)
    [ "$answered" = 200 ] || fail "$url is not ready: it answers ${answered:-nothing}, and its /readyz says why"
    echo "$url is ready"
done

answered=$(post '{}' -o /dev/null -w '%{http_code}' || true)
if [ "${SMOKE_TEST_AUTHENTICATED:-false}" = true ] && [ -z "${SMOKE_TEST_API_KEY_FILE:-}${SMOKE_TEST_CERT_FILE:-}" ]; then
    for answered in "$answered" "$(status "$PROCESSING_URL/sites/$site/readings" || true)"; do
        case "$answered" in
        401 | 403) ;;
        *) fail "a request without a key must be rejected (401), but the answer is ${answered:-none}" ;;
        esac
    done
    echo "requests without a key are rejected"
    exit 0
fi
[ "$answered" = 422 ] || fail "a reading without members must be refused (422), but the answer is ${answered:-none}"
echo "what is no reading is refused"

ask "$PROCESSING_URL/sites/$site/readings" | grep -q '"readings" *: *\[' || fail "the readings of a site cannot be read"
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
    if ask "$PROCESSING_URL/sites/$site/readings" | grep -q "\"$id\""; then
        echo "read back; it stays, as readings cannot be deleted"
        exit 0
    fi
    sleep 1
done
fail "accepted, but not stored within a minute: is a processing service running?"

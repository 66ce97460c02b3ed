#!/bin/sh
# Installs what the tests need from Debian when this user may do that; otherwise says what is missing.
# In CI a missing program is an error, because there a skipped test is a failure.
missing=
for pair in chromium:chromium nginx:nginx bwrap:bubblewrap curl:curl redis-server:redis-server; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair##*:}"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing:$missing"
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } >/dev/null || exit 1
    exit 0
fi
echo "The tests use programs that are not here:$missing"
echo "On Debian or Ubuntu: sudo apt-get install$missing"
[ -z "$CI" ] || exit 1
echo "Going on without them; tests that need them are skipped."

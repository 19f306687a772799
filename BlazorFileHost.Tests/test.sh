#!/usr/bin/env bash
# Runs all tests: installs what they need where it may (Debian packages, as root), starts a throw-away PostgreSQL on loopback,
# and ends with a line "N passed, N failed, N skipped". Arguments go to dotnet test, as in --filter FullyQualifiedName~Files.
set -euo pipefail
cd "$(dirname "$0")/.."

need=()
command -v chromium >/dev/null || need+=(chromium)
command -v curl >/dev/null || need+=(curl)
command -v node >/dev/null || need+=(nodejs)
command -v npm >/dev/null || need+=(npm)
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || need+=(nginx)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || need+=(postgresql)
if [ ${#need[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing: ${need[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null
  else
    echo "Not installed, and not root: ${need[*]}. The tests that need them are reported as skipped, and fail where CI=true."
  fi
fi

work=$(mktemp -d)
finish() {
  if [ -n "${FILEHOST_TEST_POSTGRES_DIR:-}" ]; then
    bash BlazorFileHost.Tests/Servers/postgres.sh stop "$FILEHOST_TEST_POSTGRES_DIR"
  fi
  rm -rf "$work"
}
trap finish EXIT

if [ -z "${FILEHOST_TEST_POSTGRES:-}" ] && compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
  chmod 755 "$work"
  port=$(( 20000 + RANDOM % 10000 ))
  export FILEHOST_TEST_POSTGRES_DIR=$work/postgres
  FILEHOST_TEST_POSTGRES=$(bash BlazorFileHost.Tests/Servers/postgres.sh start "$FILEHOST_TEST_POSTGRES_DIR" "$port")
  export FILEHOST_TEST_POSTGRES
fi

status=0
dotnet test BlazorFileHost.sln --nologo "$@" 2>&1 | tee "$work/output" || status=$?
line=$(grep -E '^(Passed|Failed)! +- Failed:' "$work/output" | tail -1)
sed -E 's/.*Failed: *([0-9]+), Passed: *([0-9]+), Skipped: *([0-9]+).*/\2 passed, \1 failed, \3 skipped/' <<<"${line:?No test ran.}"
exit "$status"

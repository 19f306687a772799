#!/usr/bin/env bash
# Runs all tests: installs what they need where it may (Debian packages, as root), starts a throw-away PostgreSQL and ClamAV and, as root, two
# throw-away S3 services (Ceph, Swift) on loopback, and ends with a line "N passed, N failed, N skipped". Arguments go to dotnet test, as in --filter FullyQualifiedName~Files.
set -euo pipefail
cd "$(dirname "$0")/.."

need=()
command -v chromium >/dev/null || need+=(chromium)
command -v curl >/dev/null || need+=(curl)
command -v node >/dev/null || need+=(nodejs)
command -v npm >/dev/null || need+=(npm)
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || need+=(nginx)
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || need+=(postgresql)
command -v radosgw >/dev/null && command -v ceph-osd >/dev/null || need+=(ceph-mon ceph-osd radosgw ceph-common)
command -v clamd >/dev/null || [ -x /usr/sbin/clamd ] || need+=(clamav-daemon)
[ -x /usr/bin/swift-proxy-server ] || need+=(swift-proxy swift-account swift-container swift-object memcached python3-keystoneauth1)
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
  wait
  for kind in "${services[@]}"; do
    bash "BlazorFileHost.Tests/Servers/$kind-s3.sh" stop "$work/$kind"
  done
  if [ -n "${FILEHOST_TEST_POSTGRES_DIR:-}" ]; then
    bash BlazorFileHost.Tests/Servers/postgres.sh stop "$FILEHOST_TEST_POSTGRES_DIR"
  fi
  bash BlazorFileHost.Tests/Servers/clamav.sh stop "$work/clamav"
  rm -rf "$work"
}
services=()
trap finish EXIT

# Ports below those that the system gives out by itself, far enough apart for what each service takes.
base=$(( 10000 + RANDOM % 80 * 100 ))
offer() {
  local kind=$1 port=$2
  services+=("$kind")
  bash "BlazorFileHost.Tests/Servers/$kind-s3.sh" start "$work/$kind" "$port" >"$work/$kind.answer" 2>"$work/$kind.errors" &
}
if [ "$(id -u)" = 0 ]; then
  if [ -z "${FILEHOST_TEST_CEPH:-}" ] && command -v radosgw >/dev/null; then offer ceph "$base"; fi
  if [ -z "${FILEHOST_TEST_SWIFT:-}" ] && [ -x /usr/bin/swift-proxy-server ]; then offer swift $(( base + 70 )); fi
fi

if [ -z "${FILEHOST_TEST_POSTGRES:-}" ] && compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
  chmod 755 "$work"
  port=$(( 20000 + RANDOM % 10000 ))
  export FILEHOST_TEST_POSTGRES_DIR=$work/postgres
  FILEHOST_TEST_POSTGRES=$(bash BlazorFileHost.Tests/Servers/postgres.sh start "$FILEHOST_TEST_POSTGRES_DIR" "$port")
  export FILEHOST_TEST_POSTGRES
fi

if [ -z "${FILEHOST_TEST_CLAMAV:-}" ] && PATH=$PATH:/usr/sbin command -v clamd >/dev/null; then
  if FILEHOST_TEST_CLAMAV=$(PATH=$PATH:/usr/sbin bash BlazorFileHost.Tests/Servers/clamav.sh start "$work/clamav" $(( base + 90 ))); then
    export FILEHOST_TEST_CLAMAV
  else
    echo "ClamAV did not start; its tests are reported as skipped, and fail where CI=true."
  fi
fi

# They take some seconds to start, and so does the compiler.
if [ ${#services[@]} -gt 0 ]; then
  case " $* " in
    *" --no-build "* | *" -c "* | *" --configuration "*) ;;
    *) dotnet build BlazorFileHost.sln --nologo -v quiet ;;
  esac
  wait
fi
for kind in "${services[@]}"; do
  answer=$(cat "$work/$kind.answer")
  if [ -n "$answer" ]; then
    export "FILEHOST_TEST_${kind^^}=$answer"
  else
    echo "The S3 service $kind did not start; its tests are reported as skipped, and fail where CI=true:"
    cat "$work/$kind.errors"
  fi
done

status=0
# A test that hangs is a failed test, with a name.
dotnet test BlazorFileHost.sln --nologo --blame-hang-timeout 10m --blame-hang-dump-type none "$@" 2>&1 | tee "$work/output" || status=$?
# Once more at the end, where a log that was cut still has them.
awk '/^  (Passed|Skipped|Failed) |^\[xUnit/ { shown = 0 } /^  Failed / { shown = 30 } shown-- > 0' "$work/output"
line=$(grep -E '^(Passed|Failed)! +- Failed:' "$work/output" | tail -1)
sed -E 's/.*Failed: *([0-9]+), Passed: *([0-9]+), Skipped: *([0-9]+).*/\2 passed, \1 failed, \3 skipped/' <<<"${line:?No test ran.}"
exit "$status"

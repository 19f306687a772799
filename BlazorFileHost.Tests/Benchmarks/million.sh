#!/usr/bin/env bash
# How long lists, searches and undo take with a million files of one owner (or another number, as the first word), on SQLite and, where its server
# is installed (Debian: postgresql), on PostgreSQL with its own settings but fsync. Prints a table. A second word measures only how soon a change
# elsewhere is on the screen (follow), or what a circuit takes up (weigh).
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d "${FILEHOST_BENCH_DIRECTORY:-${TMPDIR:-/tmp}}/filehost-bench-XXXXXX")
finish() {
  [ ! -d "$work/postgres" ] || bash BlazorFileHost.Tests/Servers/postgres.sh stop "$work/postgres"
  rm -rf "$work"
}
trap finish EXIT
if [ -z "${FILEHOST_TEST_POSTGRES:-}" ] && compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
  chmod 755 "$work"
  FILEHOST_TEST_POSTGRES=$(bash BlazorFileHost.Tests/Servers/postgres.sh start "$work/postgres" $(( 20000 + RANDOM % 10000 )))
  export FILEHOST_TEST_POSTGRES
fi
dotnet build BlazorFileHost.Tests -c Release --nologo -v quiet >&2
TMPDIR=$work dotnet BlazorFileHost.Tests/bin/Release/net10.0/BlazorFileHost.Tests.dll million "$@"

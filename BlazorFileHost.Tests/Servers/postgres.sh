#!/usr/bin/env bash
# A throw-away PostgreSQL for tests, on loopback: start prints the connection string for FILEHOST_TEST_POSTGRES.
# usage: postgres.sh start|stop [directory] [port]
#   FILEHOST_TEST_POSTGRES="$(postgres.sh start)" dotnet test; postgres.sh stop
# It keeps nothing over a crash (fsync=off). PostgreSQL refuses to run as root; root becomes the account "postgres".
set -euo pipefail

action=${1:-}
directory=${2:-${TMPDIR:-/tmp}/filehost-postgres-$(id -u)}
port=${3:-15432}

programs=$( (find /usr/lib/postgresql /usr/pgsql-* /usr/local/pgsql -maxdepth 2 -name bin 2>/dev/null || true) | sort -V | tail -n 1)
if [ -z "$programs" ]; then
  command -v pg_ctl >/dev/null || { echo "PostgreSQL is not installed (Debian: postgresql)." >&2; exit 1; }
  programs=$(dirname "$(readlink -f "$(command -v pg_ctl)")")
fi

run() {
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid=postgres --regid=postgres --init-groups env -C / HOME=/tmp "$@"
  else
    "$@"
  fi
}

case $action in
  start)
    if [ ! -e "$directory/PG_VERSION" ]; then
      install -d -m 700 "$directory"
      [ "$(id -u)" != 0 ] || chown postgres:postgres "$directory"
      run "$programs/initdb" -D "$directory" -U filehost -A trust -E UTF8 --locale=C.UTF-8 -N >/dev/null
    fi
    # Its standard output is not ours: whoever reads the connection string from a pipe would wait for the server to end.
    run "$programs/pg_ctl" -D "$directory" -l "$directory/log" -w -t 300 -o "-c listen_addresses=127.0.0.1 -c port=$port \
      -c unix_socket_directories='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
      -c shared_buffers=64MB -c max_connections=200" start >/dev/null </dev/null
    echo "Host=127.0.0.1;Port=$port;Username=filehost;Database=postgres"
    ;;
  stop)
    run "$programs/pg_ctl" -D "$directory" -m immediate -w stop >/dev/null
    ;;
  *)
    sed -n '2,3s/^# //p' "$0" >&2
    exit 2
    ;;
esac

#!/usr/bin/env bash
# A throw-away OpenStack Swift with its S3 face for tests, on loopback: start prints the value of FILEHOST_TEST_SWIFT.
# usage: swift-s3.sh start|stop [directory] [port]
#   FILEHOST_TEST_SWIFT="$(swift-s3.sh start)" dotnet test; swift-s3.sh stop
# As root. Uses five ports from the given one on. Debian: swift-proxy swift-account swift-container swift-object memcached python3-keystoneauth1.
set -euo pipefail

action=${1:-}
directory=${2:-${TMPDIR:-/tmp}/filehost-swift-$(id -u)}
port=${3:-18080}

# Runs a server of its own session; its output is not ours, or whoever reads our answer from a pipe would wait for it to end.
launch() {
  local name=$1
  shift
  setsid "$@" >"$directory/log/$name.out" 2>&1 </dev/null &
  echo $! >"$directory/run/$name.pid"
}

common() {
  cat <<CONF
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $1
workers = 0
user = root
swift_dir = $directory/etc
log_level = WARNING
CONF
}

ring() {
  local kind=$1 at=$2
  (
    cd "$directory/etc"
    swift-ring-builder "$kind.builder" create 4 1 0
    swift-ring-builder "$kind.builder" add "r1z1-127.0.0.1:$at/d1" 1
    swift-ring-builder "$kind.builder" rebalance
  ) >"$directory/log/$kind-ring.out" 2>&1
  {
    common "$at"
    cat <<CONF
devices = $directory/data
mount_check = false
disable_fallocate = true
recon_cache_path = $directory/cache
[pipeline:main]
pipeline = $kind-server
[app:$kind-server]
use = egg:swift#$kind
CONF
  } >"$directory/etc/$kind-server.conf"
}

proxy() {
  common "$port"
  cat <<CONF
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats bulk s3api tempauth copy slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$((port + 4))
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin .reseller_admin
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
CONF
  local filter
  for filter in catch_errors gatekeeper healthcheck listing_formats bulk copy slo dlo symlink; do
    printf '[filter:%s]\nuse = egg:swift#%s\n' "$filter" "$filter"
  done
}

case $action in
  start)
    mkdir -p "$directory"/{etc,data/d1,run,log,cache}
    if [ ! -e "$directory/etc/proxy-server.conf" ]; then
      ring account $((port + 1))
      ring container $((port + 2))
      ring object $((port + 3))
      proxy >"$directory/etc/proxy-server.conf"
    fi
    launch memcached memcached -u nobody -U 0 -l 127.0.0.1 -p $((port + 4)) -m 64
    for name in account container object proxy; do
      launch "$name" /usr/bin/python3 "/usr/bin/swift-$name-server" "$directory/etc/$name-server.conf" -v
    done
    for _ in $(seq 1500); do
      if curl -fsS -o /dev/null "http://127.0.0.1:$port/healthcheck" 2>/dev/null; then
        echo "Endpoint=http://127.0.0.1:$port;AccessKey=test:tester;SecretKey=testing"
        exit 0
      fi
      kill -0 "$(cat "$directory/run/proxy.pid")" 2>/dev/null || break
      sleep 0.2
    done
    echo "Swift did not start:" >&2
    tail -n 20 "$directory"/log/*.out >&2
    exit 1
    ;;
  stop)
    for file in "$directory"/run/*.pid; do
      [ -e "$file" ] || continue
      kill "$(cat "$file")" 2>/dev/null || true
      rm -f "$file"
    done
    ;;
  *)
    sed -n '2,5s/^# //p' "$0" >&2
    exit 2
    ;;
esac

#!/usr/bin/env bash
# A throw-away Ceph with an S3 gateway for tests, on loopback: start prints the value of FILEHOST_TEST_CEPH.
# usage: ceph-s3.sh start|stop [directory] [port]
#   FILEHOST_TEST_CEPH="$(ceph-s3.sh start)" dotnet test; ceph-s3.sh stop
# One monitor, one OSD on a sparse file, one radosgw; uses some 60 ports from the given one on. Debian: ceph-mon ceph-osd radosgw ceph-common.
set -euo pipefail

action=${1:-}
directory=${2:-${TMPDIR:-/tmp}/filehost-ceph-$(id -u)}
port=${3:-18100}
# Each of the programs below reads it.
export CEPH_CONF=$directory/ceph.conf

# Runs a server of its own session; its output is not ours, or whoever reads our answer from a pipe would wait for it to end.
launch() {
  local name=$1
  shift
  setsid "$@" >"$directory/log/$name.out" 2>&1 </dev/null &
  echo $! >"$directory/run/$name.pid"
}

settings() {
  cat <<CONF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon_initial_members = a
mon_host = [v2:127.0.0.1:$((port + 1))/0,v1:127.0.0.1:$((port + 2))/0]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_port_min = $((port + 10))
ms_bind_port_max = $((port + 60))
ms_mon_client_mode = crc
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
run_dir = $directory/run
admin_socket = $directory/run/\$name.asok
log_file = $directory/log/\$name.log
crash_dir = $directory/log
osd_crush_chooseleaf_type = 0
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
[mon]
mon_data = $directory/mon
mon_data_avail_warn = 1
mon_data_avail_crit = 1
[osd]
osd_data = $directory/osd
osd_objectstore = bluestore
bluestore_block_create = true
bluestore_block_size = 21474836480
bluestore_fsck_on_mount = false
bluestore_cache_autotune = false
bluestore_cache_size = 67108864
osd_memory_target = 939524096
osd_op_num_shards = 2
[client.rgw]
rgw_data = $directory/rgw
rgw_frontends = beast endpoint=127.0.0.1:$port tcp_nodelay=1
rgw_thread_pool_size = 64
rgw_rados_pool_pg_num_min = 8
rgw_enable_usage_log = false
CONF
}

case $action in
  start)
    mkdir -p "$directory"/{mon,osd,rgw,run,log}
    fresh=
    if [ ! -e "$CEPH_CONF" ]; then
      fresh=yes
      settings >"$CEPH_CONF"
      monmaptool --create --clobber --fsid "$(sed -n 's/^fsid = //p' "$CEPH_CONF")" \
        --addv a "[v2:127.0.0.1:$((port + 1)),v1:127.0.0.1:$((port + 2))]" "$directory/monmap" >"$directory/log/monmap.out" 2>&1
      ceph-mon -i a --mkfs --monmap "$directory/monmap" --setuser root --setgroup root >"$directory/log/mon-mkfs.out" 2>&1
    fi
    launch mon ceph-mon -i a -f --setuser root --setgroup root
    if [ -n "$fresh" ]; then
      id=$(cat /proc/sys/kernel/random/uuid)
      timeout 300 ceph osd new "$id" >"$directory/log/osd-new.out" 2>&1
      ceph-osd -i 0 --mkfs --osd-uuid "$id" --setuser root --setgroup root >"$directory/log/osd-mkfs.out" 2>&1
      timeout 300 ceph osd crush add osd.0 1.0 host=localhost root=default >"$directory/log/crush.out" 2>&1
    fi
    launch osd ceph-osd -i 0 -f --setuser root --setgroup root
    launch rgw radosgw -n client.rgw -f --setuser root --setgroup root
    for _ in $(seq 1000); do
      ! curl -fsS -o /dev/null "http://127.0.0.1:$port/" 2>/dev/null || break
      kill -0 "$(cat "$directory/run/rgw.pid")" 2>/dev/null || { echo "radosgw ended:" >&2; tail -n 20 "$directory"/log/*.out >&2; exit 1; }
      sleep 0.3
    done
    curl -fsS -o /dev/null "http://127.0.0.1:$port/" || { echo "radosgw did not start:" >&2; tail -n 20 "$directory"/log/*.out >&2; exit 1; }
    if [ -n "$fresh" ]; then
      radosgw-admin user create --uid=filehost --display-name=filehost --access-key=filehost --secret-key=filehost-secret --max-buckets=0 \
        >"$directory/log/user.out" 2>&1
    fi
    echo "Endpoint=http://127.0.0.1:$port;AccessKey=filehost;SecretKey=filehost-secret"
    ;;
  stop)
    for name in rgw osd mon; do
      if [ -e "$directory/run/$name.pid" ]; then
        id=$(cat "$directory/run/$name.pid")
        # Nothing is to be kept: killed at once, it ends at once.
        kill -KILL "$id" 2>/dev/null || true
        rm -f "$directory/run/$name.pid"
      fi
    done
    ;;
  *)
    sed -n '2,5s/^# //p' "$0" >&2
    exit 2
    ;;
esac

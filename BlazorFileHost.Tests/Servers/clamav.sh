#!/usr/bin/env bash
# A ClamAV daemon on loopback for tests (Debian: clamav-daemon): clamav.sh start DIR PORT prints where it listens; clamav.sh stop DIR ends it.
# Its only signature is the EICAR test string, at any place of a file: the real ones come over the internet and are hundreds of megabytes.
set -euo pipefail
dir=${2:?}
case $1 in
  start)
    port=${3:?}
    mkdir -p "$dir/db"
    eicar='58354f2150254041505b345c505a58353428505e2937434329377d2445494341522d5354414e444152442d414e544956495255532d544553542d46494c452124482b482a'
    echo "Eicar-Test-Signature:0:*:$eicar" >"$dir/db/test.ndb"
    cat >"$dir/clamd.conf" <<CONF
TCPSocket $port
TCPAddr 127.0.0.1
DatabaseDirectory $dir/db
LogFile $dir/log
StreamMaxLength 8M
Foreground yes
CONF
    # In the foreground, of its own session: when it goes to the background by itself, what it leaves behind says now and then that it failed, and it did not.
    setsid clamd --config-file="$dir/clamd.conf" >"$dir/start" 2>&1 </dev/null &
    echo $! >"$dir/pid"
    for _ in $(seq 1200); do
      if bash -c "exec 3<>/dev/tcp/127.0.0.1/$port && printf 'zPING\0' >&3 && head -c 4 <&3" 2>/dev/null | grep -q PONG; then
        echo "127.0.0.1:$port"
        exit 0
      fi
      kill -0 "$(cat "$dir/pid")" 2>/dev/null || break
      sleep 0.1
    done
    cat "$dir/start" "$dir/log" >&2
    exit 1
    ;;
  stop)
    [ ! -f "$dir/pid" ] || kill "$(cat "$dir/pid")" 2>/dev/null || true
    ;;
esac

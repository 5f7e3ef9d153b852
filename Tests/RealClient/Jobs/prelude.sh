# Read first by every job that runs on a client; $workload is the path of the client-workload program.
set -euo pipefail
trap 'echo "line $LINENO of the job failed, status $?: $BASH_COMMAND"; dmesg | grep -v drop_caches | tail -n 5' ERR
set -o errtrace

# Makes the client forget pages, names and attributes, so that it has to ask the server.
drop_caches() {
    sync
    echo 3 >|/proc/sys/vm/drop_caches
}

fail() {
    echo "$*"
    exit 1
}

# same EXPECTED FOUND WHAT
same() {
    [ "$1" = "$2" ] || fail "$3: expected '$1', found '$2'"
}

# refused COMMAND…: the command has to fail.
refused() {
    ! "$@" 2>/dev/null || fail "succeeded and should not: $*"
}

# as UID COMMAND…: runs the command as that user and group, without further groups.
as() {
    local id=$1
    shift
    setpriv --reuid "$id" --regid "$id" --clear-groups -- "$@"
}

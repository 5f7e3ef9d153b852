truncate -s 1G sparse
printf end | dd of=sparse bs=1 seek=$(((1 << 30) - 3)) conv=notrunc status=none
drop_caches
same $((1 << 30)) "$(stat -c %s sparse)" "size"
[ "$(stat -c %b sparse)" -lt 1024 ] || fail "1 GiB of holes takes $(stat -c %b sparse) blocks"
same end "$(tail -c 3 sparse)" "last bytes"
cmp <(head -c 65536 /dev/zero) <(dd if=sparse bs=65536 skip=5000 count=1 status=none)

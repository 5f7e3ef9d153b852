read -r size available <<<"$(df --output=size,avail -B1M . | tail -n 1)"
((size > 3000 && size <= 4096)) || fail "df says $size MiB for a volume of 4 GiB"
head -c 64M /dev/urandom >filler
sync
after=$(df --output=avail -B1M . | tail -n 1)
((available - after >= 60)) || fail "64 MiB more took only $((available - after)) MiB of free space"
read -r inodes <<<"$(df --output=itotal . | tail -n 1)"
[ "$inodes" -gt 1000 ] || fail "df -i says $inodes inodes"

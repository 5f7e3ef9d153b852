written=$(head -c 64M /dev/urandom | tee large | sha256sum)
drop_caches
same "$written" "$(sha256sum <large)" "checksum"
same $((64 << 20)) "$(stat -c %s large)" "size"

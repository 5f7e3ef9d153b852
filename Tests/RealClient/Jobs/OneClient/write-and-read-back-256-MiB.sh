written=$(head -c 256M /dev/urandom | tee large | sha256sum)
drop_caches
same "$written" "$(sha256sum <large)" "checksum"
same $((256 << 20)) "$(stat -c %s large)" "size"

head -c 100000 /dev/urandom >file
cp file original
truncate -s 70000 file
drop_caches
cmp <(head -c 70000 original) file
truncate -s 100000 file
drop_caches
cmp <(head -c 70000 original; head -c 30000 /dev/zero) file
: >file
drop_caches
same 0 "$(stat -c %s file)" "size after O_TRUNC"

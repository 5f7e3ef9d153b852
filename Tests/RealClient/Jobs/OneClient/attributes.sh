touch file
chmod 4751 file
chown 1234:4321 file
chmod 0604 file
touch -d '2001-02-03 04:05:06.123456789 UTC' file
touch -a -d '1999-12-31 23:59:59.5 UTC' file
drop_caches
same "604 1234 4321" "$(stat -c '%a %u %g' file)" "mode and owner"
same 981173106.123456789 "$(stat -c %.9Y file)" "modification time"
same 946684799.500000000 "$(stat -c %.9X file)" "access time"
before=$(stat -c %.9Y .)
changed=$(stat -c %.9Z file)
chmod 600 file
[ "$(stat -c %.9Z file)" != "$changed" ] || fail "chmod did not move the change time"
touch another
[ "$(stat -c %.9Y .)" != "$before" ] || fail "a new entry did not move the directory's modification time"
mkdir -m 2775 set-group
chgrp 77 set-group
chmod g+s set-group
touch set-group/inherits
same 77 "$(stat -c %g set-group/inherits)" "group from the set-group-id directory"
mkfifo fifo
mknod device c 1 3
same "fifo|character special file" "$(stat -c %F fifo)|$(stat -c %F device)" "types"

chmod 777 .
as 1000 sh -c 'umask 077; echo secret >private'
same "1000 1000 600" "$(stat -c '%u %g %a' private)" "owner and mode of a user's file"
drop_caches
same secret "$(as 1000 cat private)" "the owner reads"
drop_caches
refused as 1001 cat private
refused as 1001 sh -c 'echo x >>private'
refused as 1001 chmod 644 private
drop_caches
as 1000 chgrp 1000 private
as 1000 mkdir -m 700 closed
refused as 1001 ls closed
refused as 1001 touch closed/file
chgrp 2000 private
chmod 640 private
drop_caches
same secret "$(setpriv --reuid 1001 --regid 1001 --groups 2000 -- cat private)" "a member of the group reads"
mkdir -m 1777 sticky
as 1000 touch sticky/file
refused as 1001 rm -f sticky/file

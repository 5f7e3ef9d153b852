head -c 8M /dev/urandom >/run/source
dd if=/run/source of=file bs=1M oflag=direct status=none
dd if=file of=/run/copy bs=1M iflag=direct status=none
cmp /run/source /run/copy
drop_caches
cmp /run/source file
dd if=file of=/run/block bs=4096 skip=1000 count=1 iflag=direct status=none
cmp /run/block <(dd if=/run/source bs=4096 skip=1000 count=1 status=none)

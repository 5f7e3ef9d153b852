echo old >target
echo new >source
inode=$(stat -c %i source)
exec 3<target
mv source target
same new "$(cat target)" "content after the rename"
same "$inode" "$(stat -c %i target)" "file number after the rename"
drop_caches
same old "$(cat <&3)" "the replaced file, still open"
exec 3<&-
[ ! -e source ] || fail "the old name is still there"
mkdir -p a/full b
touch a/full/file
refused mv -T b a/full
mv a/full b/moved
[ -e b/moved/file ] || fail "a directory lost its file on the way to another directory"

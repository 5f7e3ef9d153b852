echo content >file
ln -s file link
ln -s ../no/such/file dangling
same file "$(readlink link)" "target"
same content "$(cat link)" "content through the link"
same ../no/such/file "$(readlink dangling)" "target of a dangling link"
[ ! -e dangling ] || fail "a dangling link leads somewhere"
same "symbolic link" "$(stat -c %F link)" "type"
long=$(printf 'x%.0s' {1..255})/$(printf 'y%.0s' {1..255})
ln -s "$long" long
drop_caches
same "$long" "$(readlink long)" "long target"

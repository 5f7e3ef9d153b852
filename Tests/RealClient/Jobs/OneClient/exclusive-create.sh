set -C
echo first >file
refused bash -c 'set -C; echo second >file'
drop_caches
same first "$(cat file)" "content"
same 644 "$(stat -c %a file)" "mode of an exclusively created file"
refused mkdir file

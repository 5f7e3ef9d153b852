echo content >first
ln first second
same "2 2" "$(stat -c %h first) $(stat -c %h second)" "link counts"
same "$(stat -c %i first)" "$(stat -c %i second)" "file numbers"
rm first
drop_caches
same content "$(cat second)" "content by the second name"
same 1 "$(stat -c %h second)" "link count after rm"
refused ln . directory

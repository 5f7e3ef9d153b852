longest=$(printf 'n%.0s' {1..255})
names=("$longest" "Grüße, 世界 🐎" "with space" '*' $'new\nline' "-dash" "tail ")
for name in "${names[@]}"; do echo "$name" >"./$name"; done
refused touch "./${longest}n"
drop_caches
for name in "${names[@]}"; do same "$name" "$(cat "./$name")" "file by its name"; done
same "${#names[@]}" "$(find . -mindepth 1 -print0 | tr -cd '\0' | wc -c)" "entries"

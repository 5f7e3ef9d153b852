for word in one two three; do
    echo $word >>log
    drop_caches
done
same "one two three" "$(tr '\n' ' ' <log | sed 's/ $//')" "appended lines"

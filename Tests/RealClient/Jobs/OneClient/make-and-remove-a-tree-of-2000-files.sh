for i in {1..20}; do
    mkdir -p "tree/$i/deeper/and deeper"
    touch "tree/$i/deeper/and deeper/"{1..100}
done
drop_caches
same 2000 "$(find tree -type f | wc -l)" "files"
same 61 "$(find tree -type d | wc -l)" "directories"
refused rmdir tree/1
rm -r tree
[ ! -e tree ] || fail "the tree is still there"
same "" "$(ls -A)" "what is left"

$workload unlinked-open-file file
drop_caches
same "" "$(ls -A)" "what is left"

mkdir large
$workload fill-directory large 20000
drop_caches
$workload list-directory large 20000
rm -r large

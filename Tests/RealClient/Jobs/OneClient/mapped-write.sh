$workload mapped-write file

// POSIX access control lists (libacl1-dev).
#include <sys/acl.h>
#include <acl/libacl.h>

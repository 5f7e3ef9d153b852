// What is on a block device (libblkid-dev).
#include <blkid/blkid.h>

// Linux file calls that Swift cannot make itself: raw system calls, calls on flexible structures, per-thread credentials.
//
// Every function returns a negated errno on failure, so that nothing between the call and its check can change it.
#ifndef CLINUX_FILES_H
#define CLINUX_FILES_H

// No header that depends on feature macros: Swift reads those with its own, and takes a difference for an error.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct linux_time {
    int64_t seconds;
    uint32_t nanoseconds;
};

// Instead of nanoseconds in a time to set.
enum linux_time_choice { LINUX_TIME_NOW = (1 << 30) - 1, LINUX_TIME_KEEP = (1 << 30) - 2 };

// What statx tells.
struct linux_status {
    uint32_t mode, links, uid, gid;
    uint32_t device_major, device_minor;
    uint64_t inode, size, blocks;
    struct linux_time accessed, modified, changed, born;
    bool is_born_known;
    // Whether it is where a file system is mounted, and which mount it is on: the first field of /proc/self/mountinfo.
    bool is_mount_root;
    uint64_t mount;
};

// What open_by_handle_at takes, without the flexible array.
struct linux_handle {
    int32_t type;
    uint32_t count;
    uint8_t bytes[128];
};

// One record of a directory, as the kernel writes it.
struct linux_entry {
    uint64_t inode;
    int64_t next;
    const char *name;
    size_t name_length;
    size_t record_length;
};

// The numbers statfs reports.
struct linux_capacity {
    uint64_t type;
    uint64_t block_size;
    uint64_t blocks, blocks_free, blocks_available;
    uint64_t files, files_free;
    uint64_t name_length;
};

// Makes the file system calls of this thread, and of no other, run as the given user. A no-op when they already do.
int linux_act_as(uint32_t uid, uint32_t gid, const uint32_t *groups, size_t count);
// Makes them run as the superuser, with whatever groups.
int linux_act_as_superuser(void);

// An O_PATH descriptor of the entry `name` of a directory: a symbolic link is not followed, a mount point not entered
// (-EXDEV). With `cached`, -EAGAIN instead of waiting for a device.
int linux_lookup(int directory, const char *name, bool cached);
// The same, but a mount point is entered, and `..` leads out of one.
int linux_lookup_across_mounts(int directory, const char *name);
// What linux_status and linux_get_handle tell of the entry `name`, without opening it. -EAGAIN when the name did not stand
// still for one file. A symbolic link is not followed; of a mount point it tells what is mounted there.
int linux_glimpse(int directory, const char *name, struct linux_status *status, struct linux_handle *handle);
// A new regular file, opened for reading and writing.
int linux_create(int directory, const char *name, uint32_t mode);
int linux_mkdir(int directory, const char *name, uint32_t mode);
int linux_mknod(int directory, const char *name, uint32_t mode, uint32_t major, uint32_t minor);
int linux_symlink(const char *target, int directory, const char *name);
int linux_link(int file, int directory, const char *name);
int linux_unlink(int directory, const char *name, bool is_directory);
int linux_rename(int source, const char *name, int target, const char *new_name);
ptrdiff_t linux_readlink(int file, char *buffer, size_t size);

// A descriptor of a directory by its path, for reading; a mount point is entered.
int linux_open_directory(const char *path);
// A new descriptor of the same file, opened with `flags`; unlike the given one it may not be O_PATH.
int linux_reopen(int file, int flags);
int linux_status(int file, struct linux_status *status);
// The status of the entry `name` of a directory; of a mount point that of what is mounted there. A symbolic link is not followed.
int linux_status_at(int directory, const char *name, struct linux_status *status);
// How far apart, in nanoseconds, two ctimes of a file on the directory's file system are at least when somebody looked at the
// first; 0 when every change gives another one, however short after. Tried on a file without a name.
int64_t linux_ctime_step(int directory);
int linux_capacity(int file, struct linux_capacity *capacity);
// Whether this thread's user has the rights in `mode` (R_OK, W_OK, X_OK).
int linux_access(int file, int mode);
int linux_chmod(int file, uint32_t mode);
int linux_chown(int file, uint32_t uid, uint32_t gid);
int linux_truncate(int file, int64_t size);
int linux_ftruncate(int file, int64_t size);
// Nanoseconds may be a linux_time_choice.
int linux_utimes(int file, struct linux_time accessed, struct linux_time modified);

int linux_get_handle(int file, struct linux_handle *handle);
// `mount` is any descriptor of the file system that is not O_PATH. The new descriptor is O_PATH.
int linux_open_handle(int mount, const struct linux_handle *handle);

// -EAGAIN instead of waiting for a device when `no_wait`; fewer bytes than asked are possible then.
ptrdiff_t linux_read(int file, void *buffer, size_t count, int64_t offset, bool no_wait);
ptrdiff_t linux_write(int file, const void *bytes, size_t count, int64_t offset, bool no_wait);
int64_t linux_size(int file);
// For reading what the device has, not what the kernel remembers of it, in whole blocks.
int linux_open_direct(const char *path);
// Takes storage for the first `length` bytes from the file system; the size of the file stays.
int linux_reserve(int file, uint64_t length);
int linux_fsync(int file);
int linux_syncfs(int file);

int64_t linux_seek(int directory, int64_t position);
// Fills `buffer` with records; 0 at the end.
ptrdiff_t linux_read_directory(int directory, void *buffer, size_t size);
// The record at the start of `buffer`.
struct linux_entry linux_entry_at(const void *buffer);

// The UUID of the file system as the kernel can tell it on every version it is mounted with; -ENOTTY where it cannot.
int linux_uuid(int file, uint8_t uuid[16]);
// f_fsid of statfs.
uint64_t linux_fsid(int file);

#endif

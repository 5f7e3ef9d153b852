#define _GNU_SOURCE
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define RESULT(call) ({ __typeof__(call) result = (call); result < 0 ? -errno : result; })

// ---- Credentials of a thread

// More groups than nearly anybody is in; a caller with more is taken on anew with every call.
#define REMEMBERED_GROUPS 256

// A thread starts with the credentials of the one that started it, so nothing is known of them at first.
static _Thread_local struct {
    bool known, prepared;
    uint32_t uid, gid;
    size_t count;
    uint32_t groups[REMEMBERED_GROUPS];
} acting;

// CAP_SYS_RESOURCE opens the blocks reserved for the superuser and does not go with the user as the file capabilities do.
static void give_up_reserved_blocks(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) != 0) return;
    data[CAP_TO_INDEX(CAP_SYS_RESOURCE)].effective &= ~CAP_TO_MASK(CAP_SYS_RESOURCE);
    syscall(SYS_capset, &header, data);
}

// glibc's functions of these names change all threads of the process; the system calls change one. setfsuid and setfsgid
// tell no failure, so what they did is read back: a caller must never be served with another's rights.
static int set_ids(uint32_t uid, uint32_t gid) {
    syscall(SYS_setfsgid, gid);
    if ((uint32_t)syscall(SYS_setfsgid, -1) != gid) return -EPERM;
    syscall(SYS_setfsuid, uid);
    if ((uint32_t)syscall(SYS_setfsuid, -1) != uid) return -EPERM;
    return 0;
}

int linux_act_as(uint32_t uid, uint32_t gid, const uint32_t *groups, size_t count) {
    if (acting.known && acting.uid == uid && acting.gid == gid && acting.count == count
        && (count == 0 || memcmp(acting.groups, groups, count * sizeof *groups) == 0))
        return 0;
    if (uid == UINT32_MAX || gid == UINT32_MAX) return -EPERM;
    acting.known = false;
    if (!acting.prepared) {
        give_up_reserved_blocks();
        acting.prepared = true;
    }
    if (syscall(SYS_setgroups, count, groups) != 0) return -errno;
    int status = set_ids(uid, gid);
    if (status != 0 || count > REMEMBERED_GROUPS) return status;
    acting.known = true;
    acting.uid = uid;
    acting.gid = gid;
    acting.count = count;
    if (count > 0) memcpy(acting.groups, groups, count * sizeof *groups);
    return 0;
}

int linux_act_as_superuser(void) {
    return acting.known && acting.uid == 0 ? 0 : linux_act_as(0, 0, NULL, 0);
}

// ---- Names

static int lookup(int directory, const char *name, uint64_t resolve) {
    struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS | resolve};
    return (int)RESULT(syscall(SYS_openat2, directory, name, &how, sizeof how));
}

int linux_lookup(int directory, const char *name, bool cached) {
    return lookup(directory, name, RESOLVE_NO_XDEV | (cached ? RESOLVE_CACHED : 0));
}

int linux_lookup_across_mounts(int directory, const char *name) { return lookup(directory, name, 0); }

int linux_create(int directory, const char *name, uint32_t mode) {
    return RESULT(openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
}

int linux_mkdir(int directory, const char *name, uint32_t mode) { return RESULT(mkdirat(directory, name, mode)); }

int linux_mknod(int directory, const char *name, uint32_t mode, uint32_t major, uint32_t minor) {
    return RESULT(mknodat(directory, name, mode, makedev(major, minor)));
}

int linux_symlink(const char *target, int directory, const char *name) { return RESULT(symlinkat(target, directory, name)); }

// The way to a descriptor's file for calls that take no O_PATH descriptor. The kernel lets a process follow its own
// descriptors whoever it acts as.
struct path {
    char text[32];
};

static struct path path_of(int file) {
    struct path path;
    snprintf(path.text, sizeof path.text, "/proc/self/fd/%d", file);
    return path;
}

int linux_link(int file, int directory, const char *name) {
    return RESULT(linkat(AT_FDCWD, path_of(file).text, directory, name, AT_SYMLINK_FOLLOW));
}

int linux_unlink(int directory, const char *name, bool is_directory) {
    return RESULT(unlinkat(directory, name, is_directory ? AT_REMOVEDIR : 0));
}

int linux_rename(int source, const char *name, int target, const char *new_name) {
    return RESULT(renameat(source, name, target, new_name));
}

ptrdiff_t linux_readlink(int file, char *buffer, size_t size) { return RESULT(readlinkat(file, "", buffer, size)); }

// ---- Files

int linux_open_directory(const char *path) { return RESULT(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)); }

int linux_reopen(int file, int flags) { return RESULT(open(path_of(file).text, flags | O_CLOEXEC | O_NOCTTY)); }

static struct linux_time time_of(struct statx_timestamp time) { return (struct linux_time){time.tv_sec, time.tv_nsec}; }

int linux_status_at(int file, const char *name, struct linux_status *status) {
    struct statx kernel;
    int flags = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
    if (statx(file, name, flags, STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, &kernel) != 0) return -errno;
    *status = (struct linux_status){
        .mode = kernel.stx_mode,
        .links = kernel.stx_nlink,
        .uid = kernel.stx_uid,
        .gid = kernel.stx_gid,
        .device_major = kernel.stx_rdev_major,
        .device_minor = kernel.stx_rdev_minor,
        .inode = kernel.stx_ino,
        .size = kernel.stx_size,
        .blocks = kernel.stx_blocks,
        .accessed = time_of(kernel.stx_atime),
        .modified = time_of(kernel.stx_mtime),
        .changed = time_of(kernel.stx_ctime),
        .born = time_of(kernel.stx_btime),
        .is_born_known = (kernel.stx_mask & STATX_BTIME) != 0,
        .is_mount_root = (kernel.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0,
        .mount = kernel.stx_mnt_id,
    };
    return 0;
}

int linux_status(int file, struct linux_status *status) { return linux_status_at(file, "", status); }

int64_t linux_ctime_step(int directory) {
    int file = (int)RESULT(openat(directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (file < 0) return file;
    bool distinct = true, whole = true;
    struct statx kernel;
    struct statx_timestamp last = {0};
    for (int index = 0; index < 16 && distinct; index++) {
        // A change of mode to what it was changes ctime all the same.
        if (fchmod(file, 0600) != 0 || statx(file, "", AT_EMPTY_PATH, STATX_CTIME, &kernel) != 0) {
            int status = -errno;
            close(file);
            return status;
        }
        distinct = kernel.stx_ctime.tv_sec != last.tv_sec || kernel.stx_ctime.tv_nsec != last.tv_nsec;
        whole = whole && kernel.stx_ctime.tv_nsec == 0;
        last = kernel.stx_ctime;
    }
    close(file);
    struct timespec tick;
    if (distinct) return 0;
    if (whole) return 1000000000;
    return clock_getres(CLOCK_REALTIME_COARSE, &tick) != 0 ? -errno : tick.tv_sec * 1000000000 + tick.tv_nsec;
}

int linux_capacity(int file, struct linux_capacity *capacity) {
    struct statfs status;
    if (fstatfs(file, &status) != 0) return -errno;
    *capacity = (struct linux_capacity){
        .type = (uint64_t)status.f_type,
        .block_size = (uint64_t)status.f_bsize,
        .blocks = status.f_blocks,
        .blocks_free = status.f_bfree,
        .blocks_available = status.f_bavail,
        .files = status.f_files,
        .files_free = status.f_ffree,
        .name_length = (uint64_t)status.f_namelen,
    };
    return 0;
}

// AT_EACCESS keeps the kernel from putting the real user in the place of the one this thread acts as.
int linux_access(int file, int mode) {
    return (int)RESULT(syscall(SYS_faccessat2, file, "", mode, AT_EACCESS | AT_EMPTY_PATH));
}

int linux_chmod(int file, uint32_t mode) { return RESULT(chmod(path_of(file).text, mode)); }

int linux_chown(int file, uint32_t uid, uint32_t gid) { return RESULT(fchownat(file, "", uid, gid, AT_EMPTY_PATH)); }

int linux_truncate(int file, int64_t size) { return RESULT(truncate(path_of(file).text, size)); }

int linux_ftruncate(int file, int64_t size) { return RESULT(ftruncate(file, size)); }

static struct timespec time_to_set(struct linux_time time) {
    return (struct timespec){
        .tv_sec = time.seconds,
        .tv_nsec = time.nanoseconds == LINUX_TIME_NOW ? UTIME_NOW : time.nanoseconds == LINUX_TIME_KEEP ? UTIME_OMIT : time.nanoseconds,
    };
}

int linux_utimes(int file, struct linux_time accessed, struct linux_time modified) {
    struct timespec times[2] = {time_to_set(accessed), time_to_set(modified)};
    return RESULT(utimensat(file, "", times, AT_EMPTY_PATH));
}

// ---- Handles

struct kernel_handle {
    struct file_handle head;
    uint8_t bytes[sizeof((struct linux_handle *)0)->bytes];
};

// The handle of the entry `name` of a directory, or with an empty name that of the file itself.
static int handle_at(int file, const char *name, struct linux_handle *handle) {
    struct kernel_handle kernel = {.head.handle_bytes = sizeof kernel.bytes};
    int mount_id;
    if (name_to_handle_at(file, name, &kernel.head, &mount_id, AT_EMPTY_PATH) != 0) return -errno;
    handle->type = kernel.head.handle_type;
    handle->count = kernel.head.handle_bytes;
    memcpy(handle->bytes, kernel.head.f_handle, handle->count);
    return 0;
}

int linux_get_handle(int file, struct linux_handle *handle) { return handle_at(file, "", handle); }

static bool are_equal(const struct linux_handle *one, const struct linux_handle *other) {
    return one->type == other->type && one->count == other->count && memcmp(one->bytes, other->bytes, one->count) == 0;
}

int linux_glimpse(int directory, const char *name, struct linux_status *status, struct linux_handle *handle) {
    // Equal handles before and after: the status between them is that of the same file.
    for (int attempt = 0; attempt < 4; attempt++) {
        struct linux_handle before;
        int error = handle_at(directory, name, &before);
        if (error == 0) error = linux_status_at(directory, name, status);
        if (error == 0) error = handle_at(directory, name, handle);
        if (error != 0) return error;
        if (are_equal(&before, handle)) return 0;
    }
    return -EAGAIN;
}

int linux_open_handle(int mount, const struct linux_handle *handle) {
    struct kernel_handle kernel = {.head = {.handle_bytes = handle->count, .handle_type = handle->type}};
    if (handle->count > sizeof kernel.bytes) return -EINVAL;
    memcpy(kernel.head.f_handle, handle->bytes, handle->count);
    return RESULT(open_by_handle_at(mount, &kernel.head, O_PATH | O_NOFOLLOW | O_CLOEXEC));
}

// ---- Data

ptrdiff_t linux_read(int file, void *buffer, size_t count, int64_t offset, bool no_wait) {
    struct iovec vector = {.iov_base = buffer, .iov_len = count};
    return RESULT(no_wait ? preadv2(file, &vector, 1, offset, RWF_NOWAIT) : pread(file, buffer, count, offset));
}

ptrdiff_t linux_write(int file, const void *bytes, size_t count, int64_t offset, bool no_wait) {
    struct iovec vector = {.iov_base = (void *)bytes, .iov_len = count};
    return RESULT(no_wait ? pwritev2(file, &vector, 1, offset, RWF_NOWAIT) : pwrite(file, bytes, count, offset));
}

int64_t linux_size(int file) { return RESULT(lseek(file, 0, SEEK_END)); }

int linux_reserve(int file, uint64_t length) { return RESULT(fallocate(file, FALLOC_FL_KEEP_SIZE, 0, (off_t)length)); }

int linux_open_direct(const char *path) { return RESULT(open(path, O_RDONLY | O_DIRECT | O_CLOEXEC)); }

int linux_fsync(int file) { return RESULT(fsync(file)); }

int linux_syncfs(int file) { return RESULT(syncfs(file)); }

// ---- Directories

struct kernel_entry {
    uint64_t inode;
    int64_t next;
    uint16_t record_length;
    uint8_t type;
    char name[];
};

int64_t linux_seek(int directory, int64_t position) { return RESULT(lseek(directory, position, SEEK_SET)); }

ptrdiff_t linux_read_directory(int directory, void *buffer, size_t size) {
    return RESULT(syscall(SYS_getdents64, directory, buffer, size));
}

struct linux_entry linux_entry_at(const void *buffer) {
    const struct kernel_entry *entry = buffer;
    return (struct linux_entry){
        .inode = entry->inode,
        .next = entry->next,
        .name = entry->name,
        .name_length = strlen(entry->name),
        .record_length = entry->record_length,
    };
}

// ---- Identity of a file system

// Kernel interfaces newer than, or not in, the headers of the oldest system this builds on.
struct uuid_answer {
    uint8_t length;
    uint8_t bytes[16];
};
#define GET_FILE_SYSTEM_UUID _IOR(0x15, 0, struct uuid_answer)

// Version 1 of the geometry of XFS: answered since the first kernels with XFS, of this size on all of them.
struct xfs_geometry {
    uint32_t numbers[8];
    uint64_t blocks[4];
    uint8_t uuid[16];
    uint32_t more_numbers[7];
};
#define GET_XFS_GEOMETRY _IOR('X', 100, struct xfs_geometry)

int linux_uuid(int file, uint8_t uuid[16]) {
    struct xfs_geometry geometry;
    if (ioctl(file, GET_XFS_GEOMETRY, &geometry) == 0) {
        memcpy(uuid, geometry.uuid, sizeof geometry.uuid);
        return 0;
    }
    struct uuid_answer answer;
    if (ioctl(file, GET_FILE_SYSTEM_UUID, &answer) != 0) return -errno;
    if (answer.length != sizeof answer.bytes) return -ENOTTY;
    memcpy(uuid, answer.bytes, sizeof answer.bytes);
    return 0;
}

uint64_t linux_fsid(int file) {
    struct statfs status;
    uint64_t identity = 0;
    if (fstatfs(file, &status) == 0) memcpy(&identity, &status.f_fsid, sizeof identity);
    return identity;
}

// What Linux knows about threads beyond POSIX.
#ifndef CLINUX_THREADS_H
#define CLINUX_THREADS_H

/// Names the calling thread, for `ps` and debuggers; at most 15 bytes are kept.
void clinux_name_thread(const char *name);

#endif

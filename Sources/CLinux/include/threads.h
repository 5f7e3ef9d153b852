// What Linux knows about threads beyond POSIX.
#ifndef CLINUX_THREADS_H
#define CLINUX_THREADS_H

#include <stdbool.h>

/// Names the calling thread, for `ps` and debuggers; at most 15 bytes are kept.
void clinux_name_thread(const char *name);

/// The calling thread as the kernel numbers it.
int clinux_thread_number(void);

/// Whether a thread of this process runs or could run; false when it waits for something or is gone.
bool clinux_thread_is_running(int number);

#endif

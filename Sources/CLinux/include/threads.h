// What Linux knows about threads beyond POSIX.
#ifndef CLINUX_THREADS_H
#define CLINUX_THREADS_H

/// Names the calling thread, for `ps` and debuggers; at most 15 bytes are kept.
void clinux_name_thread(const char *name);

/// The calling thread's number: that of no other thread since the process started.
static inline unsigned clinux_thread_number(void) {
    extern _Thread_local unsigned clinux_own_number;
    extern unsigned clinux_take_thread_number(void);
    return clinux_own_number != 0 ? clinux_own_number : clinux_take_thread_number();
}

#endif

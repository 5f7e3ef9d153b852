// What Linux knows about threads beyond POSIX.
#ifndef CLINUX_THREADS_H
#define CLINUX_THREADS_H

/// Names the calling thread, for `ps` and debuggers; at most 15 bytes are kept.
void clinux_name_thread(const char *name);

/// Asks the scheduler for the shortest turns, 0.1 ms, on a processor: whoever asks for less gets it sooner. The calling thread's
/// share of the processor stays the same. Kernels before 6.12 give all threads turns of one length.
void clinux_take_short_turns(void);

#endif

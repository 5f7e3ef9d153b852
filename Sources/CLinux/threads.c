#include "threads.h"

#include <stdatomic.h>
#include <sys/prctl.h>

void clinux_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

_Thread_local unsigned clinux_own_number;

unsigned clinux_take_thread_number(void) {
    static atomic_uint last;
    return clinux_own_number = atomic_fetch_add(&last, 1) + 1;
}

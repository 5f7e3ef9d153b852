#define _GNU_SOURCE
#include "threads.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

void clinux_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

int clinux_thread_number(void) { return gettid(); }

bool clinux_thread_is_running(int number) {
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", number);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return false;
    ssize_t count = read(descriptor, text, sizeof text - 1);
    close(descriptor);
    if (count <= 0) return false;
    text[count] = 0;
    // The state follows the name, which is in parentheses and may hold any byte (proc_pid_stat(5)).
    const char *end = strrchr(text, ')');
    return end && strncmp(end, ") R", 3) == 0;
}

/* What a piece of work in this process costs. */
#ifndef COSTS_H
#define COSTS_H

#include <stdint.h>

/* Calls of malloc and its like so far, of all threads. The target's own malloc counts them before it calls that of glibc. */
uint64_t costs_allocations(void);

/* Makes valgrind's callgrind, if the process runs in it, forget the instructions so far, and write a file with those since. */
void costs_forget_instructions(void);
void costs_dump_instructions(void);

#endif

#define _GNU_SOURCE
#include "memory.h"

#include <link.h>
#include <malloc.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

static int release(struct dl_phdr_info *object, size_t size, void *unused) {
    (void)size;
    (void)unused;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        // What can be written to may differ from the file by now; what cannot is read from it again.
        if (segment->p_type != PT_LOAD || segment->p_flags & PF_W) continue;
        size_t begin = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        size_t end = (object->dlpi_addr + segment->p_vaddr + segment->p_memsz) & ~(page - 1);
        if (end > begin) madvise((void *)begin, end - begin, MADV_DONTNEED);
    }
    return 0;
}

void clinux_release_unused_memory(void) {
    malloc_trim(0);
    dl_iterate_phdr(release, NULL);
}

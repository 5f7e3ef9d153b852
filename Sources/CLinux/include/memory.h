#ifndef CLINUX_MEMORY_H
#define CLINUX_MEMORY_H

/// Gives back the memory that only starting a program takes: free heap, and the pages of its code. Code that runs again comes back
/// from the page cache, or from its file.
void clinux_release_startup_memory(void);

#endif

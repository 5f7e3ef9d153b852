#ifndef CLINUX_MEMORY_H
#define CLINUX_MEMORY_H

/// Gives back the memory that nobody needs for now: free heap, and the pages of the program's code. Code that runs again comes back from
/// the page cache, or from its file.
void clinux_release_unused_memory(void);

#endif

/* How much of what malloc gave out is in use, which Swift's module of the C library does not tell. */
#include <malloc.h>

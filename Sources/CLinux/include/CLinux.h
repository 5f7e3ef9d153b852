#ifndef CLINUX_H
#define CLINUX_H

#include "files.h"
#include "memory.h"
#include "sockets.h"
#include "threads.h"

#endif

#ifndef CLINUX_H
#define CLINUX_H

#include "sockets.h"
#include "threads.h"

#endif

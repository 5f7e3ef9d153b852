// Sockets, epoll and eventfd without what Swift cannot import: unions, casts of socket addresses, variadic calls.
// A negative result is the negated errno.
#ifndef CLINUX_SOCKETS_H
#define CLINUX_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>
#include <sys/uio.h>

/// An IPv4 (length 4) or IPv6 (length 16) address in network order and a port in host order.
struct clinux_address {
    uint8_t bytes[16];
    uint8_t length;
    uint16_t port;
};

/// What epoll reports about the source that was registered with `token`.
struct clinux_event {
    uint32_t events;
    void *token;
};

/// A non-blocking TCP socket that listens. Accepted sockets inherit its options: TCP_NODELAY, and keep-alive that gives a
/// dead peer up after two minutes. `ipv6_only` keeps an IPv6 socket from taking the IPv4 port too.
int clinux_listen(const struct clinux_address *address, bool ipv6_only, int backlog);

/// A non-blocking connection and its peer; an IPv4-mapped IPv6 address is given as IPv4.
int clinux_accept(int listener, struct clinux_address *peer);

/// The address a socket is bound to.
int clinux_local_address(int socket, struct clinux_address *address);

/// A blocking TCP connection to `address`.
int clinux_connect(const struct clinux_address *address);

ssize_t clinux_receive(int socket, void *bytes, size_t count);

/// Sends without SIGPIPE.
ssize_t clinux_send(int socket, const struct iovec *parts, int count);

int clinux_shutdown_output(int socket);

int clinux_poll_create(void);
int clinux_poll_add(int poll, int descriptor, uint32_t events, void *token);
int clinux_poll_remove(int poll, int descriptor);
int clinux_poll_wait(int poll, struct clinux_event *events, int capacity, int milliseconds);

int clinux_eventfd(void);
int clinux_eventfd_signal(int descriptor);

#endif

#define _GNU_SOURCE
#include "sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static socklen_t to_sockaddr(const struct clinux_address *address, struct sockaddr_storage *storage) {
    memset(storage, 0, sizeof *storage);
    if (address->length == 4) {
        struct sockaddr_in *in = (struct sockaddr_in *)storage;
        in->sin_family = AF_INET;
        in->sin_port = htons(address->port);
        memcpy(&in->sin_addr, address->bytes, 4);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)storage;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(address->port);
    memcpy(&in6->sin6_addr, address->bytes, 16);
    return sizeof *in6;
}

static void from_sockaddr(const struct sockaddr_storage *storage, struct clinux_address *address) {
    memset(address, 0, sizeof *address);
    if (storage->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)storage;
        address->length = 4;
        address->port = ntohs(in->sin_port);
        memcpy(address->bytes, &in->sin_addr, 4);
    } else if (storage->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)storage;
        const uint8_t *bytes = in6->sin6_addr.s6_addr;
        bool mapped = memcmp(bytes, mapped_prefix, sizeof mapped_prefix) == 0;
        address->length = mapped ? 4 : 16;
        address->port = ntohs(in6->sin6_port);
        memcpy(address->bytes, mapped ? bytes + 12 : bytes, address->length);
    }
}

static int set_option(int socket, int level, int name, int value) {
    return setsockopt(socket, level, name, &value, sizeof value);
}

static int failed(int descriptor) {
    int error = errno;
    close(descriptor);
    return -error;
}

int clinux_listen(const struct clinux_address *address, bool ipv6_only, int backlog) {
    struct sockaddr_storage storage;
    socklen_t size = to_sockaddr(address, &storage);
    int listener = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (listener < 0) return -errno;
    if (set_option(listener, SOL_SOCKET, SO_REUSEADDR, 1) != 0
        || set_option(listener, SOL_SOCKET, SO_KEEPALIVE, 1) != 0
        || set_option(listener, IPPROTO_TCP, TCP_KEEPIDLE, 60) != 0
        || set_option(listener, IPPROTO_TCP, TCP_KEEPINTVL, 10) != 0
        || set_option(listener, IPPROTO_TCP, TCP_KEEPCNT, 6) != 0
        || set_option(listener, IPPROTO_TCP, TCP_NODELAY, 1) != 0
        || (storage.ss_family == AF_INET6 && set_option(listener, IPPROTO_IPV6, IPV6_V6ONLY, ipv6_only) != 0)
        || bind(listener, (struct sockaddr *)&storage, size) != 0
        || listen(listener, backlog) != 0) {
        return failed(listener);
    }
    return listener;
}

int clinux_accept(int listener, struct clinux_address *peer) {
    struct sockaddr_storage storage;
    socklen_t size = sizeof storage;
    int connection = accept4(listener, (struct sockaddr *)&storage, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection < 0) return -errno;
    from_sockaddr(&storage, peer);
    return connection;
}

int clinux_local_address(int socket, struct clinux_address *address) {
    struct sockaddr_storage storage;
    socklen_t size = sizeof storage;
    if (getsockname(socket, (struct sockaddr *)&storage, &size) != 0) return -errno;
    from_sockaddr(&storage, address);
    return 0;
}

int clinux_connect(const struct clinux_address *address) {
    struct sockaddr_storage storage;
    socklen_t size = to_sockaddr(address, &storage);
    int connection = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
    if (connection < 0) return -errno;
    if (set_option(connection, IPPROTO_TCP, TCP_NODELAY, 1) != 0
        || connect(connection, (struct sockaddr *)&storage, size) != 0) {
        return failed(connection);
    }
    return connection;
}

ssize_t clinux_receive(int socket, void *bytes, size_t count) {
    ssize_t received = recv(socket, bytes, count, 0);
    return received < 0 ? -errno : received;
}

ssize_t clinux_send(int socket, const struct iovec *parts, int count) {
    struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = count};
    ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

int clinux_shutdown_output(int socket) { return shutdown(socket, SHUT_WR) != 0 ? -errno : 0; }

int clinux_poll_create(void) {
    int poll = epoll_create1(EPOLL_CLOEXEC);
    return poll < 0 ? -errno : poll;
}

int clinux_poll_add(int poll, int descriptor, uint32_t events, void *token) {
    struct epoll_event event = {.events = events, .data.ptr = token};
    return epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) != 0 ? -errno : 0;
}

int clinux_poll_remove(int poll, int descriptor) {
    return epoll_ctl(poll, EPOLL_CTL_DEL, descriptor, NULL) != 0 ? -errno : 0;
}

int clinux_poll_wait(int poll, struct clinux_event *events, int capacity, int milliseconds) {
    enum { batch = 64 };
    struct epoll_event ready[batch];
    int count = epoll_wait(poll, ready, capacity < batch ? capacity : batch, milliseconds);
    if (count < 0) return -errno;
    for (int index = 0; index < count; index++) {
        events[index].events = ready[index].events;
        events[index].token = ready[index].data.ptr;
    }
    return count;
}

int clinux_eventfd(void) {
    int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int clinux_eventfd_signal(int descriptor) { return eventfd_write(descriptor, 1) != 0 ? -errno : 0; }

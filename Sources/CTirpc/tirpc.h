// libtirpc for Swift: registration with rpcbind, and the client calls that are macros or take variadic function pointers.
#ifndef CTIRPC_TIRPC_H
#define CTIRPC_TIRPC_H

#include <arpa/inet.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <netconfig.h>
#include <netinet/in.h>
#include <rpc/auth_gss.h>
#include <rpc/rpc.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/// What became of a request to the local rpcbind.
enum ctirpc_outcome {
    CTIRPC_DONE,
    /// The network id is not in /etc/netconfig.
    CTIRPC_UNKNOWN_NETID,
    /// rpcbind answered no: the program and version belong to somebody else.
    CTIRPC_REFUSED,
    /// rpcbind cannot be reached; ctirpc_create_error tells why.
    CTIRPC_UNREACHABLE,
};

/// The wildcard address of "tcp" (length 4) or "tcp6" (length 16) with `port`.
static inline enum ctirpc_outcome ctirpc_rpcbind_set(
    uint32_t program, uint32_t version, const char *netid, const uint8_t *address, size_t length, uint16_t port) {
    struct sockaddr_storage storage;
    memset(&storage, 0, sizeof storage);
    struct netbuf where = {.maxlen = sizeof storage, .buf = &storage};
    if (length == 4) {
        struct sockaddr_in *in = (struct sockaddr_in *)&storage;
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        memcpy(&in->sin_addr, address, 4);
        where.len = sizeof *in;
    } else {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&storage;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        memcpy(&in6->sin6_addr, address, 16);
        where.len = sizeof *in6;
    }
    struct netconfig *network = getnetconfigent(netid);
    if (!network) return CTIRPC_UNKNOWN_NETID;
    rpc_createerr.cf_stat = RPC_SUCCESS;
    bool done = rpcb_set(program, version, network, &where);
    freenetconfigent(network);
    if (done) return CTIRPC_DONE;
    return rpc_createerr.cf_stat == RPC_SUCCESS ? CTIRPC_REFUSED : CTIRPC_UNREACHABLE;
}

static inline enum ctirpc_outcome ctirpc_rpcbind_unset(uint32_t program, uint32_t version, const char *netid) {
    struct netconfig *network = getnetconfigent(netid);
    if (!network) return CTIRPC_UNKNOWN_NETID;
    rpc_createerr.cf_stat = RPC_SUCCESS;
    bool done = rpcb_unset(program, version, network);
    freenetconfigent(network);
    if (done) return CTIRPC_DONE;
    return rpc_createerr.cf_stat == RPC_SUCCESS ? CTIRPC_REFUSED : CTIRPC_UNREACHABLE;
}

/// Why the last client could not be made; the text is valid until the next call on this thread.
static inline const char *ctirpc_create_error(void) { return clnt_spcreateerror("rpcbind"); }

/// A client on a connected socket, which stays the caller's. `fragment` is the size at which sent records are split.
static inline CLIENT *ctirpc_client(int socket, uint32_t program, uint32_t version, unsigned fragment) {
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    if (getpeername(socket, (struct sockaddr *)&peer, &size) != 0) return NULL;
    struct netbuf address = {.maxlen = sizeof peer, .len = size, .buf = &peer};
    return clnt_vc_create(socket, &address, program, version, fragment, 0);
}

static inline void ctirpc_client_destroy(CLIENT *client) {
    auth_destroy(client->cl_auth);
    clnt_destroy(client);
}

/// Replaces the client's AUTH_NONE by AUTH_SYS.
static inline void ctirpc_use_auth_sys(
    CLIENT *client, const char *machine, uint32_t uid, uint32_t gid, const uint32_t *groups, int count) {
    auth_destroy(client->cl_auth);
    client->cl_auth = authunix_create((char *)machine, uid, gid, count, (gid_t *)groups);
}

/// Replaces the client's AUTH_NONE by RPCSEC_GSS, with the ticket in the file `cache` for the principal `target`.
static inline bool ctirpc_use_kerberos(CLIENT *client, const char *cache, const char *target, unsigned service) {
    OM_uint32 minor;
    gss_name_t name = GSS_C_NO_NAME;
    gss_buffer_desc text = {.length = strlen(target), .value = (char *)target};
    if (gss_import_name(&minor, &text, GSS_KRB5_NT_PRINCIPAL_NAME, &name) != GSS_S_COMPLETE) return false;
    gss_key_value_element_desc element = {.key = "ccache", .value = cache};
    gss_key_value_set_desc store = {.count = 1, .elements = &element};
    struct rpc_gss_sec security = {.mech = (gss_OID)gss_mech_krb5, .svc = (rpc_gss_svc_t)service, .req_flags = GSS_C_MUTUAL_FLAG};
    AUTH *auth = NULL;
    if (gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, GSS_C_NO_OID_SET, GSS_C_INITIATE, &store, &security.cred, NULL,
                              NULL) == GSS_S_COMPLETE)
        auth = authgss_create(client, name, &security);
    gss_release_name(&minor, &name);
    gss_release_cred(&minor, &security.cred);
    if (!auth) return false;
    auth_destroy(client->cl_auth);
    client->cl_auth = auth;
    return true;
}

/// Goes on in the same context with another service.
static inline bool ctirpc_use_service(CLIENT *client, unsigned service) { return authgss_service(client->cl_auth, (int)service); }

/// Calls a procedure without arguments and results.
static inline enum clnt_stat ctirpc_call_void(CLIENT *client, uint32_t procedure, int seconds) {
    struct timeval timeout = {.tv_sec = seconds};
    return clnt_call(client, procedure, (xdrproc_t)xdr_void, NULL, (xdrproc_t)xdr_void, NULL, timeout);
}

/// An opaque value of variable length.
struct ctirpc_opaque {
    char *bytes;
    unsigned length;
};

static inline bool_t ctirpc_xdr_opaque(XDR *stream, struct ctirpc_opaque *value) {
    return xdr_bytes(stream, &value->bytes, &value->length, ~0u);
}

/// Calls a procedure that takes and returns opaque data; `result` is to be freed with `free`.
static inline enum clnt_stat ctirpc_call_opaque(
    CLIENT *client, uint32_t procedure, struct ctirpc_opaque argument, struct ctirpc_opaque *result, int seconds) {
    struct timeval timeout = {.tv_sec = seconds};
    return clnt_call(
        client, procedure, (xdrproc_t)ctirpc_xdr_opaque, &argument, (xdrproc_t)ctirpc_xdr_opaque, result, timeout);
}

static inline bool_t ctirpc_xdr_compound(XDR *stream, struct ctirpc_opaque *tag) {
    u_int minor_version = 1, count = 0;
    return ctirpc_xdr_opaque(stream, tag) && xdr_u_int(stream, &minor_version) && xdr_u_int(stream, &count);
}

static inline bool_t ctirpc_xdr_compound_result(XDR *stream, struct ctirpc_opaque *tag) {
    u_int status, count;
    return xdr_u_int(stream, &status) && status == 0 && ctirpc_xdr_opaque(stream, tag) && xdr_u_int(stream, &count) && count == 0;
}

/// Calls COMPOUND of NFSv4.1 without operations, which returns the tag; `result` is to be freed with `free`.
static inline enum clnt_stat ctirpc_call_compound(
    CLIENT *client, struct ctirpc_opaque tag, struct ctirpc_opaque *result, int seconds) {
    struct timeval timeout = {.tv_sec = seconds};
    return clnt_call(
        client, 1, (xdrproc_t)ctirpc_xdr_compound, &tag, (xdrproc_t)ctirpc_xdr_compound_result, result, timeout);
}

/// The details of the client's last error: the lowest and highest version of RPC_PROGVERSMISMATCH and RPC_VERSMISMATCH.
static inline void ctirpc_mismatch(CLIENT *client, uint32_t *low, uint32_t *high) {
    struct rpc_err error;
    clnt_geterr(client, &error);
    *low = error.re_vers.low;
    *high = error.re_vers.high;
}

#endif

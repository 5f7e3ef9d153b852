// GSSAPI as libkrb5 (libkrb5-dev) provides it.
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
// What GSSAPI does not tell of principals.
#include <krb5.h>

// GSSAPI as libkrb5 (libkrb5-dev) provides it.
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>

// GSSAPI as libkrb5 (libkrb5-dev) provides it.
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
// What GSSAPI does not tell of principals.
#include <krb5.h>

// The identifiers are variables, which Swift cannot know to be constant.
static inline gss_OID cgssapi_kerberos(void) { return (gss_OID)gss_mech_krb5; }
static inline gss_OID cgssapi_host_based_service(void) { return GSS_C_NT_HOSTBASED_SERVICE; }
static inline gss_OID cgssapi_principal_name(void) { return GSS_KRB5_NT_PRINCIPAL_NAME; }

# usage: source kerberos.sh DIRECTORY   DIRECTORY is the realm's
realm=$1
export KRB5_CONFIG=$realm/krb5.conf
# Where rpc.gssd looks for the tickets of users.
tickets=/run/tickets

# Makes the client a machine of the realm.
join_realm() {
    local modules module
    modules=$(echo /usr/lib/uml/modules/*/kernel)
    for module in lib/oid_registry crypto/hmac crypto/cbc crypto/cts net/sunrpc/auth_gss/auth_rpcgss \
        net/sunrpc/auth_gss/rpcsec_gss_krb5; do
        insmod "$modules/$module.ko"
    done
    mkdir -m 1777 "$tickets"
    mount --bind "$realm/hosts" /etc/hosts
    mkdir /run/rpc_pipefs
    mount -t rpc_pipefs rpc_pipefs /run/rpc_pipefs
    rpc.gssd -d "$tickets" -k "$realm/machine.keytab"
}

# mount_with FLAVOR [PSEUDO]: mounts at /mnt/FLAVOR.
mount_with() {
    mkdir -p "/mnt/$1"
    mount -t nfs4 -o "vers=4.1,sec=$1" "server.remuda.test:${2:-/vol}" "/mnt/$1"
}

# ticket UID USER [OPTION…]: a ticket for everything USER asks for as UID.
ticket() {
    local id=$1 user=$2
    shift 2
    as "$id" kinit -k -t "$realm/client.keytab" -c "$tickets/krb5cc_$id" "$@" "$user"
}

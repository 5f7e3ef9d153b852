import Foundation
import NFSProtocol
import NFSServer
import RPCSecurity

/// Users and groups as the machine knows them: passwd(5), LDAP and whatever else nsswitch.conf(5) names.
package struct SystemNameService: NameService {
    package init() {}

    package func name(of id: UInt32, _ kind: OwnerKind) -> String? {
        switch kind {
        case .user:
            let found = try? SystemDatabase.find(passwd()) { entry, buffer, size, result in
                getpwuid_r(id, entry, buffer, size, result)
            } value: {
                String(cString: $0.pw_name)
            }
            return found ?? nil
        case .group:
            let found = try? SystemDatabase.find(group()) { entry, buffer, size, result in
                getgrgid_r(id, entry, buffer, size, result)
            } value: {
                String(cString: $0.gr_name)
            }
            return found ?? nil
        }
    }

    package func id(named name: String, _ kind: OwnerKind) throws(NFSStatus) -> UInt32? {
        switch kind {
        case .user:
            try SystemDatabase.find(passwd()) { entry, buffer, size, result in
                getpwnam_r(name, entry, buffer, size, result)
            } value: {
                $0.pw_uid
            }
        case .group:
            try SystemDatabase.find(group()) { entry, buffer, size, result in
                getgrnam_r(name, entry, buffer, size, result)
            } value: {
                $0.gr_gid
            }
        }
    }
}

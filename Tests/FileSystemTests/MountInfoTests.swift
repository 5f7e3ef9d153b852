import LocalFileSystem
import Testing

@Suite struct MountInfoTests {
    @Test("Mounts at places with spaces, backslashes and other letters are read") func escapedPlaces() {
        let info = MountInfo(
            """
            36 35 98:0 / / rw,noatime master:1 - ext4 /dev/root rw
            37 36 98:1 /root /mnt/a\\040b\\134c rw shared:2 - ext4 /dev/sda rw
            38 36 98:2 / /mnt/é\\011 rw - ext4 /dev/sdb rw,abort,emergency_ro
            garbage
            39 36 98:3
            """)
        #expect(info.mounts.map(\.id) == [36, 37, 38])
        #expect(info.mounts.map(\.path) == ["/", "/mnt/a b\\c", "/mnt/é\t"])
        #expect(info.mounts.map(\.isReadOnly) == [false, false, true])
    }
}

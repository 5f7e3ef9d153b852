import Glibc

/// Why a program was not started.
package struct SpawnFailure: Error, CustomStringConvertible {
    package let program: String
    package let code: Int32
    package var description: String { "cannot start \(program): \(String(cString: strerror(code)))" }
}

/// Starts a program with the standard descriptors that `prepare` gives it and no others.
///
/// Foundation's Process is not used: it copies entries of /proc/self/fd from beyond the end of the memory they were read into, and
/// so ends a process with thousands of descriptors now and then.
func spawn(
    _ program: String, _ arguments: [String], environment: [String], _ prepare: (inout posix_spawn_file_actions_t) -> Void
) throws(SpawnFailure) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    prepare(&actions)
    for other in 3..<min(getdtablesize(), 4096) { posix_spawn_file_actions_addclose(&actions, other) }
    var words = ([program] + arguments).map { strdup($0) } + [nil]
    var variables = environment.map { strdup($0) } + [nil]
    defer { for word in words + variables { free(word) } }
    var id: pid_t = 0
    let code = posix_spawn(&id, program, &actions, nil, &words, &variables)
    guard code == 0 else { throw SpawnFailure(program: program, code: code) }
    return id
}

/// As `NAME=VALUE`.
func inheritedEnvironment() -> [String] {
    var variables: [String] = []
    while let entry = environ[variables.count] { variables.append(String(cString: entry)) }
    return variables
}

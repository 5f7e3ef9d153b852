/// What a configuration file says, whatever form it has: texts, whose meaning is checked together with those of flags and environment.
struct FileContent {
    /// The text of each setting but `export`.
    var texts: [Setting: [String]] = [:]
    /// The exports; nil when the file lists none.
    var exports: [ExportConfiguration]?
    /// Names the place of a setting in the file.
    var origin: @Sendable (Setting) -> String = { $0.rawValue }
    /// What is allowed but probably not meant.
    var warnings: [String] = []
    /// What to do when there is nothing to export.
    var remedyForNoExport = "give --export DIR, set \(Setting.export.variable), or list export in the configuration file"
    /// Whether that is no mistake if it is said where the client records are: exports may come later.
    var mayExportNothing = false
}

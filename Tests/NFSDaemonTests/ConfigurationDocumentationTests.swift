import Foundation
import NFSDaemon
import Testing

@Suite("The documentation of the configuration")
struct ConfigurationDocumentationTests {
    private let text: String

    init() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        text = try String(contentsOf: root.appendingPathComponent("docs/CONFIGURATION.md"), encoding: .utf8)
    }

    @Test("The table has the row of every setting, with its values and its default", arguments: Setting.allCases)
    func row(of setting: Setting) {
        let description = setting.description
        let values = description.range.map { "\(description.unit.text($0.lowerBound)) to \(description.unit.text($0.upperBound))" }
        let value = [description.placeholder.map { "`\($0)`" } ?? "`true` or `false`", values].compactMap(\.self).joined(separator: ", ")
        let standard = description.standard.map { "`\($0)`" } ?? description.standardMeaning ?? ""
        let row = "| `\(setting.rawValue)` | \(value) | \(standard) | \(description.summary) |"
        #expect(text.contains(row))
    }

    @Test("The table of exports has every key", arguments: ConfigurationFile.ExportKey.allCases)
    func exportKey(_ key: ConfigurationFile.ExportKey) {
        #expect(text.contains("\n| `\(key.rawValue)` | "))
    }

    @Test("The example is a valid file")
    func example() throws {
        let example = try #require(text.split(separator: "```yaml\n").dropFirst().first?.split(separator: "```").first)
        #expect(try configuration(yaml: String(example)).exports.map(\.pseudoPath) == ["/photos", "/music"])
    }
}

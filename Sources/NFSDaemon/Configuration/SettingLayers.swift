import Configuration
import Synchronization

/// The four places a setting may come from, each outranked by the ones before it: flags, environment, file, defaults.
struct SettingLayers {
    private let reader: ConfigReader
    private let winner = WinningProvider()
    private let origins: [String: @Sendable (Setting) -> String]

    /// - Parameters:
    ///   - defaults: the text of each setting that has a default
    ///   - fileOrigin: names the place of a setting in the file
    init(
        flags: [Setting: [String]], environment: [String: String], file: [Setting: [String]], defaults: [Setting: String],
        fileOrigin: @escaping @Sendable (Setting) -> String
    ) {
        let flagLayer = InMemoryProvider(name: "flags", texts: flags)
        // An empty variable is how container tools write one that is not set.
        let environmentLayer = EnvironmentVariablesProvider(environmentVariables: environment.filter { !$0.value.isEmpty })
            .mapKeys { AbsoluteConfigKey([Setting.environmentPrefix + $0.components.joined()]) }
        let fileLayer = InMemoryProvider(name: "file", texts: file)
        let defaultLayer = InMemoryProvider(name: "defaults", texts: defaults.mapValues { [$0] })

        reader = ConfigReader(providers: [flagLayer, environmentLayer, fileLayer, defaultLayer], accessReporter: winner)
        origins = [
            flagLayer.providerName: { "--\($0.rawValue)" },
            environmentLayer.providerName: { $0.variable },
            fileLayer.providerName: fileOrigin,
            defaultLayer.providerName: { "the default of \($0.rawValue)" },
        ]
    }

    /// The value of the highest layer that has one; nil when none has.
    func value(of setting: Setting) -> GivenValue? {
        guard let text = reader.string(forKey: setting.key) else { return nil }
        return GivenValue(text: text, origin: winningOrigin(of: setting))
    }

    /// The list of the highest layer that has one; lists of lower layers are replaced, not added to.
    func values(of setting: Setting) -> [GivenValue]? {
        guard let texts = reader.stringArray(forKey: setting.key) else { return nil }
        let origin = winningOrigin(of: setting)
        return texts.map { GivenValue(text: $0, origin: origin) }
    }

    private func winningOrigin(of setting: Setting) -> String {
        origins[winner.name]?(setting) ?? setting.rawValue
    }
}

extension InMemoryProvider {
    /// A layer of texts, as lists for the settings that take several.
    fileprivate init(name: String, texts: [Setting: [String]]) {
        let values = texts.compactMap { setting, texts -> (AbsoluteConfigKey, ConfigValue)? in
            let content: ConfigContent? = setting.description.isList ? .stringArray(texts) : texts.last.map(ConfigContent.string)
            return content.map { (AbsoluteConfigKey(setting.key), ConfigValue($0, isSecret: false)) }
        }
        self.init(name: name, values: Dictionary(uniqueKeysWithValues: values))
    }
}

/// Remembers which provider answered the last look-up: the reader returns the value alone.
private final class WinningProvider: AccessReporter {
    private let last = Mutex("")

    var name: String {
        last.withLock { $0 }
    }

    func report(_ event: AccessEvent) {
        // The reader asks one provider after the other until one has the value.
        last.withLock { $0 = event.providerResults.last?.providerName ?? "" }
    }
}

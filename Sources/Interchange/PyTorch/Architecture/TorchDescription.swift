import FerryEngine
import FerryRuntime

/// A short text that describes a model of layers one after another, in PyTorch's words:
/// `lstm:in=4,hidden=6,layers=2,bidirectional -> linear:3`.
///
/// Layers stand between arrows (`->` or `→`). A layer is a name and, behind a colon, settings between commas: numbers
/// by their place, `name=value`, or a word alone, which means yes. `docs/Formats.md` has the grammar.
struct TorchDescription {
    private let steps: [TorchStep]

    /// Takes a text apart; nil where it does not begin with the name of a layer.
    ///
    /// - Throws: ``FerryError`` where it begins with one and goes on in another way.
    init?(_ text: String) throws {
        let parts = text.replacing("→", with: "->").split(separator: "->", omittingEmptySubsequences: false)
        let steps = parts.map { TorchStep($0) }
        guard let first = steps.first, TorchStepCatalogue.byName[first.name] != nil else { return nil }
        self.steps = steps
    }

    /// The graph of the layers.
    func graph() throws -> Graph {
        var builder = TorchGraphBuilder(isSequence: steps.contains { TorchStepCatalogue.recurrent.contains($0.name) })
        for (position, step) in steps.enumerated() {
            try locating("layer \(position + 1) ('\(step.name)')") {
                guard let build = TorchStepCatalogue.byName[step.name] else {
                    throw FerryError(
                        .unknownLayer, found: "is no layer of a description",
                        expected: "one of \(TorchStepCatalogue.byName.keys.sorted().listed)")
                }
                var step = step
                try build(&step, &builder)
                try step.finish()
            }
        }
        return try builder.graph()
    }
}

/// One layer of a ``TorchDescription``, whose settings are taken one by one; what is left over is refused.
struct TorchStep {
    /// The name of the layer in lower case.
    let name: String
    private var numbers: [String] = []
    private var settings: [String: String] = [:]

    init(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", maxSplits: 1).map { $0.trimmed }
        name = (parts.first ?? "").lowercased()
        for option in (parts.count > 1 ? parts[1] : "").split(separator: ",").map(\.trimmed) {
            let pair = option.split(separator: "=", maxSplits: 1).map(\.trimmed)
            if pair.count == 2 {
                settings[pair[0].lowercased()] = pair[1]
            } else if option.first?.isNumber == true {
                numbers.append(option)
            } else {
                settings[option.lowercased()] = "true"
            }
        }
    }

    /// How many numbers stand without a name.
    var numberCount: Int { numbers.count }

    /// A text setting.
    mutating func text(_ names: String...) -> String? {
        names.compactMap { settings.removeValue(forKey: $0) }.first
    }

    /// A whole number from 0 on, by one of its names or as the next without one.
    mutating func count(_ names: String..., byPlace: Bool = true) throws -> Int? {
        let named = names.compactMap { settings.removeValue(forKey: $0) }.first
        guard let text = named ?? (byPlace && !numbers.isEmpty ? numbers.removeFirst() : nil) else { return nil }
        guard let value = Int(text), (0...Self.largestCount).contains(value) else {
            throw FerryError(
                .range, found: "\(names[0])=\(text)", expected: "a whole number up to \(Self.largestCount)")
        }
        return value
    }

    /// A whole number that must be there.
    mutating func requiredCount(_ name: String, _ others: String...) throws -> Int {
        for candidate in [name] + others {
            if let value = try count(candidate, byPlace: false) { return value }
        }
        guard let value = try count(name) else {
            throw FerryError(.missingKey, found: "no '\(name)'", expected: "\(self.name):\(name)=NUMBER")
        }
        return value
    }

    /// A number by its name.
    mutating func number(_ name: String) throws -> Double? {
        guard let text = settings.removeValue(forKey: name) else { return nil }
        guard let value = Double(text) else { throw FerryError(.range, found: "\(name)=\(text)", expected: "a number") }
        return value
    }

    /// Yes or no by its name.
    mutating func flag(_ name: String, default value: Bool) throws -> Bool {
        guard let text = settings.removeValue(forKey: name)?.lowercased() else { return value }
        switch text {
        case "true", "1", "yes": return true
        case "false", "0", "no": return false
        default: throw FerryError(.range, found: "\(name)=\(text)", expected: "true or false")
        }
    }

    /// Refuses what nobody has taken.
    func finish() throws {
        let rest = settings.keys.sorted() + numbers
        guard rest.isEmpty else {
            throw FerryError(.unknownKey, found: "does not know \(rest.map { "'\($0)'" }.listed)")
        }
    }

    private static let largestCount = 1 << 30
}

extension StringProtocol {
    fileprivate var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}

package import FerryEngine
package import FerryRuntime

/// An operator that Keras has: its class names, its settings, and where its weights stand in files.
package protocol KerasLayer: Operator {
    /// The classes it reads, of all eras.
    static var kerasClasses: [String] { get }

    /// Reads the settings of its class; those that every layer has are read before.
    init(keras config: inout KerasConfig) throws

    /// The operator that the settings of its class describe, where that may be another one.
    static func kerasOperator(_ config: inout KerasConfig) throws -> any Operator

    /// The class that `version` has for it.
    func kerasClass(_ version: KerasVersion) -> String

    /// Its settings for `version`, without those that every layer has.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` where that version cannot express it.
    func kerasSettings(_ version: KerasVersion) throws -> [(name: String, value: JSONValue)]

    /// Where Keras 3's layout keeps its parameters: groups below the layer's own, and the parameters in each.
    func kerasVariables(_ specs: [ParameterSpec]) -> [KerasVariableGroup]

    /// Turns weights in the layout of an older Keras into today's.
    ///
    /// - Parameters:
    ///   - weights: as listed in the file.
    ///   - specs: what the layer needs, in Keras's order.
    func modernized(_ weights: [KerasWeight], for specs: [ParameterSpec]) throws -> [KerasWeight]

    /// How many weights at the front of a list are the layer's, where it needs `specs` today: more than those where an
    /// older Keras kept gates apart.
    func kerasWeightCount(_ weights: ArraySlice<KerasWeight>, for specs: [ParameterSpec]) -> Int
}

/// A weight as it stands in a file.
package struct KerasWeight: Sendable {
    /// Its name there.
    package var name: String
    /// Its numbers.
    package var tensor: Tensor
    /// Whether Theano computed with it, which turns the kernels of convolutions around.
    package var isOfTheano = false

    /// A weight and its name.
    package init(_ name: String, _ tensor: Tensor, isOfTheano: Bool = false) {
        self.name = name
        self.tensor = tensor
        self.isOfTheano = isOfTheano
    }
}

/// A group of numbered variables in Keras 3's layout.
package struct KerasVariableGroup: Sendable {
    /// The path of the group below the layer's, such as `cell`; empty for the layer's own.
    package var path: String
    /// The parameters, by their names in the layer.
    package var parameters: [String]

    /// The parameters kept at `path`.
    package init(_ path: String, _ parameters: [String]) {
        self.path = path
        self.parameters = parameters
    }

    /// The same group seen from a layer that keeps this one at `path` and calls it `scope`.
    package func nested(path outer: String, scope: String) -> KerasVariableGroup {
        KerasVariableGroup(path.isEmpty ? outer : "\(outer)/\(path)", parameters.map { "\(scope)/\($0)" })
    }
}

extension Operator {
    /// Where Keras 3's layout keeps its parameters; those of an operator that is no layer of Keras are its own.
    func kerasVariableGroups(_ specs: [ParameterSpec]) -> [KerasVariableGroup] {
        if let layer = self as? any KerasLayer { return layer.kerasVariables(specs) }
        return specs.isEmpty ? [] : [KerasVariableGroup("", specs.map(\.name))]
    }
}

/// A layer that is told by its calls, and not by its settings alone, what to do.
package protocol KerasCallable: KerasLayer {
    /// Reads the arguments of its call that are no tensors.
    mutating func take(kerasCall options: inout KerasConfig) throws

    /// The arguments of its call that are no tensors.
    func kerasCall() -> KerasSettings
}

extension KerasLayer {
    package static func kerasOperator(_ config: inout KerasConfig) throws -> any Operator { try Self(keras: &config) }

    package func kerasClass(_ version: KerasVersion) -> String { Self.kerasClasses[0] }

    package func kerasVariables(_ specs: [ParameterSpec]) -> [KerasVariableGroup] {
        specs.isEmpty ? [] : [KerasVariableGroup("", specs.map(\.name))]
    }

    package func modernized(_ weights: [KerasWeight], for specs: [ParameterSpec]) throws -> [KerasWeight] { weights }

    package func kerasWeightCount(_ weights: ArraySlice<KerasWeight>, for specs: [ParameterSpec]) -> Int { specs.count }
}

public import FerryEngine
public import FerryRuntime

/// A Swift operator in the place of a layer that Ferry cannot read: a Python function, or a class of one's own.
///
///     let model = try Model(contentsOf: "model.h5", options: ReadOptions(custom: [
///         "Attention1D": CustomLayer { settings in Attention1D(units: settings["units"]?.intValue ?? 1) },
///         "lambda_3": CustomLayer(Halving()),
///     ]))
///
/// It is given the weights that its ``Operator/parameterSpecs(for:)`` ask for, in that order: Keras lists the trained
/// weights of a layer in the order in which `build` adds them, then the others.
public struct CustomLayer: Sendable {
    private let make: @Sendable (JSONValue) throws -> any Operator

    /// Calls `make` with the layer's settings, the object that its `get_config` made, for each layer that it stands for.
    public init(_ make: @escaping @Sendable (_ settings: JSONValue) throws -> any Operator) { self.make = make }

    /// The same operator for every layer that it stands for.
    public init(_ operation: any Operator) { make = { _ in operation } }

    /// The operator for a layer with these settings.
    package func operation(_ settings: JSONValue) throws -> any Operator { try make(settings) }
}

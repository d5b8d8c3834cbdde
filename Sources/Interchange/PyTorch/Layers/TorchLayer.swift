package import FerryEngine
package import FerryRuntime
package import OrderedCollections

/// An operator that a printed PyTorch module can call.
package protocol TorchOperator: Operator {
    /// The Python expressions of its outputs.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` where PyTorch computes something else.
    func torchForward(_ call: inout TorchCall) throws -> [String]
}

/// A layer with parameters that PyTorch has as a module: where its tensors stand, and how the module is made.
package protocol TorchLayer: TorchOperator {
    /// The tensors of its module, by their names inside it; those of recurrent modules without the number of the layer.
    func torchTensors(_ parameters: ParameterSet) throws -> OrderedDictionary<String, Tensor>

    /// The parameters that tensors of its module spell, which have the shapes that ``torchTensors(_:)`` gives.
    func parameters(torch tensors: TorchModuleTensors) throws -> ParameterSet

    /// The Python expression that makes its module, such as `nn.Linear(4, 3)`.
    func torchModule(_ call: TorchCall) throws -> String
}

/// The tensors of one module, by their names inside it.
package struct TorchModuleTensors: Sendable {
    private let tensors: OrderedDictionary<String, Tensor>

    /// Tensors that were checked to be there.
    package init(_ tensors: OrderedDictionary<String, Tensor>) { self.tensors = tensors }

    /// The tensor called `name`.
    ///
    /// - Throws: ``FerryError/Code/missingWeight``.
    package func callAsFunction(_ name: String) throws -> Tensor {
        guard let tensor = tensors[name] else {
            throw FerryError(.missingWeight, found: "no tensor '\(name)'", expected: "one of \(tensors.keys.elements)")
        }
        return tensor
    }

    /// The tensors whose names end with `suffix`, without it.
    package func ending(_ suffix: String) -> TorchModuleTensors {
        let chosen = tensors.filter { $0.key.hasSuffix(suffix) }.map {
            (String($0.key.dropLast(suffix.count)), $0.value)
        }
        return TorchModuleTensors(OrderedDictionary(chosen, uniquingKeysWith: { first, _ in first }))
    }
}

/// One call of a layer in the `forward` of a printed module.
package struct TorchCall {
    /// The Python expressions of the inputs.
    package let inputs: [String]
    /// Their types.
    package let types: Slots<ValueType>
    /// The inputs that are known.
    package let constants: [Int: Tensor]
    /// The Python expression of its own module, such as `self.lstm`.
    package let module: String
    /// How many layers of a recurrent module it stands for, and the dropout between them.
    package var stack = (layers: 1, dropout: 0.0)
    /// The statements that come before the expressions of the outputs.
    package private(set) var statements: [String] = []
    private let freshNames: [String]

    package init(
        inputs: [String], types: Slots<ValueType>, constants: [Int: Tensor] = [:], module: String,
        freshNames: [String]
    ) {
        (self.inputs, self.types, self.constants) = (inputs, types, constants)
        (self.module, self.freshNames) = (module, freshNames)
    }

    /// The expression of the first input.
    package var input: String { inputs.first ?? "x" }

    /// The type of the first input.
    package var type: ValueType { types[0] }

    /// A name that no other value has; `number` tells those of one call apart.
    package func name(_ number: Int) -> String { number < freshNames.count ? freshNames[number] : "value\(number)" }

    /// Adds a statement before the expressions of the outputs.
    package mutating func run(_ statement: String) { statements.append(statement) }

    /// The fixed length of the last axis of the first input.
    package func features() throws -> Int {
        guard let features = type.shape.last?.length else {
            throw FerryError(.shape, found: "input \(type.shape)", expected: "a fixed number of features")
        }
        return features
    }
}

extension FerryError {
    /// Something that no PyTorch module computes.
    static func notInTorch(_ what: String, _ remedy: String? = nil) -> FerryError {
        FerryError(.unsupported, found: what, expected: "what a module of torch.nn computes", remedy: remedy)
    }
}

extension Bool {
    /// `True` or `False`.
    var python: String { self ? "True" : "False" }
}

import FerryEngine
package import FerryRuntime

extension Merge: TorchOperator {
    package func torchForward(_ call: inout TorchCall) throws -> [String] {
        let rank = call.types.present.map(\.rank).max() ?? 0
        // Inputs of lower rank gain axes behind the batch, as in Keras.
        let inputs = zip(call.inputs, call.types.present).map { input, type in
            type.rank == rank ? input : "\(input)[:, \(repeatElement("None, ", count: rank - type.rank).joined())...]"
        }
        let result =
            switch function {
            case .add: inputs.joined(separator: " + ")
            case .subtract: inputs.joined(separator: " - ")
            case .multiply: inputs.joined(separator: " * ")
            case .average: "(\(inputs.joined(separator: " + "))) / \(inputs.count)"
            case .maximum: inputs.folded("torch.maximum")
            case .minimum: inputs.folded("torch.minimum")
            }
        return [result]
    }
}

extension [String] {
    /// `f(f(a, b), c)`.
    fileprivate func folded(_ function: String) -> String {
        dropFirst().reduce(first ?? "") { "\(function)(\($0), \($1))" }
    }
}

import FerryEngine
import FerryRuntime

extension KerasGraphReader {
    /// The shape of the input of a Sequential model that does not say it, from the first weight of its first layer that
    /// has some; nil where that does not decide it.
    ///
    /// Keras 2.2 and 2.3 lose an `InputLayer` when they save a Sequential model, and cannot open the file again.
    func inputShape(of layers: ArraySlice<JSONValue>) throws -> [Int?]? {
        for json in layers {
            let layer = try KerasRecord(json, version: version, context: context).layer
            if let shape = context.firstWeights[layer.name] { return layer.operation.inputShape(ofWeight: shape) }
            guard layer.operation is Masking || layer.operation is Dropout || layer.operation is Activation else {
                return nil
            }
        }
        return nil
    }
}

extension Operator {
    /// The shape of the input, with the batch, that goes with a first weight of this shape; free lengths are nil.
    fileprivate func inputShape(ofWeight weight: [Int]) -> [Int?]? {
        switch self {
        case is LSTM, is GRU, is SimpleRNN, is RNN, is Bidirectional: return [nil, nil, weight[0]]
        case is Dense: return [nil, weight[0]]
        case let layer as TimeDistributed where layer.layer is Dense: return [nil, nil, weight[0]]
        case let layer as Conv where layer.options.axes == 1 && weight.count == 3: return [nil, nil, weight[1]]
        default: return nil
        }
    }
}

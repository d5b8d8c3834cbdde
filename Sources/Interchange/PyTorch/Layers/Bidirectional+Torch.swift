package import FerryRuntime
package import FerryEngine
package import OrderedCollections

extension Bidirectional: TorchLayer {
    private static let suffix = "_reverse"

    /// The two directions, where PyTorch has such a pair: the same cell and options, there and back.
    private func torchPair() throws -> (forward: any TorchRecurrent, backward: any TorchRecurrent) {
        guard let there = forward as? any TorchRecurrent, let back = backward as? any TorchRecurrent,
            there.kind == back.kind, there.units == back.units, there.useBias == back.useBias,
            try there.torchCellOptions() == back.torchCellOptions()
        else { throw FerryError.notInTorch("two directions that are not alike") }
        guard !forward.options.goBackwards, backward.options.goBackwards,
            forward.options.returnSequences == backward.options.returnSequences
        else { throw FerryError.notInTorch("directions that are not there and back") }
        return (there, back)
    }

    package func torchTensors(_ parameters: ParameterSet) throws -> OrderedDictionary<String, Tensor> {
        let (there, back) = try torchPair()
        var tensors = try there.torchTensors(parameters.scoped(to: "forward"))
        for (name, tensor) in try back.torchTensors(parameters.scoped(to: "backward")) {
            tensors[name + Self.suffix] = tensor
        }
        return tensors
    }

    package func parameters(torch tensors: TorchModuleTensors) throws -> ParameterSet {
        let (there, back) = try torchPair()
        var parameters = ParameterSet()
        parameters.merge(try there.parameters(torch: tensors), scope: "forward")
        parameters.merge(try back.parameters(torch: tensors.ending(Self.suffix)), scope: "backward")
        return parameters
    }

    package func torchModule(_ call: TorchCall) throws -> String {
        try torchPair().forward.torchModule(call, bidirectional: true)
    }

    package func torchForward(_ call: inout TorchCall) throws -> [String] {
        let (there, _) = try torchPair()
        guard !isStateful else {
            throw FerryError.notInTorch("keeps its states from call to call", "pass the states in PyTorch yourself")
        }
        let count = there.stateSizes.count
        let (sequence, states) = call.runRecurrent(call.input, states: count)
        // The last layer's states are the last two: there, then back.
        let outputs: (there: String, back: String)
        if there.options.returnSequences {
            let cuts = "\(sequence).chunk(2, -1)"
            outputs = ("\(cuts)[0]", "\(cuts)[1]")
        } else {
            outputs = ("\(states[0])[-2]", "\(states[0])[-1]")
        }
        let returned = there.options.returnState ? states.map { "\($0)[-2]" } : []
        let returnedBack = backward.options.returnState ? states.map { "\($0)[-1]" } : []
        return merged(outputs.there, outputs.back, sequence) + returned + returnedBack
    }

    private func merged(_ there: String, _ back: String, _ sequence: String) -> [String] {
        switch merge {
        case .concatenate: [forward.options.returnSequences ? sequence : "torch.cat([\(there), \(back)], -1)"]
        case .sum: ["\(there) + \(back)"]
        case .multiply: ["\(there) * \(back)"]
        case .average: ["(\(there) + \(back)) / 2"]
        case nil: [there, back]
        }
    }
}

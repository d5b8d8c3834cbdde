import FerryEngine
package import FerryRuntime

extension Dropout: TorchOperator {
    // In inference it hands its input on; the rate of plain dropout is kept for training.
    package func torchForward(_ call: inout TorchCall) throws -> [String] {
        if case .dropout(let rate, nil, _) = noise {
            ["F.dropout(\(call.input), \(rate), self.training)"]
        } else {
            [call.input]
        }
    }
}

extension Flatten: TorchOperator {
    package func torchForward(_ call: inout TorchCall) throws -> [String] {
        ["\(call.input)\(channelsFirst && call.type.rank > 2 ? ".movedim(1, -1)" : "").flatten(1)"]
    }
}

extension Reshape: TorchOperator {
    package func torchForward(_ call: inout TorchCall) throws -> [String] {
        ["\(call.input).reshape(\((["\(call.input).shape[0]"] + shape.map(String.init)).joined(separator: ", ")))"]
    }
}

extension Permute: TorchOperator {
    package func torchForward(_ call: inout TorchCall) throws -> [String] {
        ["\(call.input).permute(\(([0] + axes).map(String.init).joined(separator: ", ")))"]
    }
}

extension RepeatVector: TorchOperator {
    package func torchForward(_ call: inout TorchCall) throws -> [String] {
        ["\(call.input).unsqueeze(1).expand(-1, \(count), -1)"]
    }
}

extension ZeroPadding: TorchOperator {
    package func torchForward(_ call: inout TorchCall) throws -> [String] {
        // From the last axis to the first.
        let margins = amounts.reversed().flatMap { [$0.before, $0.behind] }
        return ["F.pad(\(call.input), \(((channelsFirst ? [] : [0, 0]) + margins).pythonTuple))"]
    }
}

extension Concatenate: TorchOperator {
    package func torchForward(_ call: inout TorchCall) throws -> [String] {
        ["torch.cat([\(call.inputs.joined(separator: ", "))], \(axis))"]
    }
}

extension GlobalPooling: TorchOperator {
    package func torchForward(_ call: inout TorchCall) throws -> [String] {
        let first = channelsFirst ? 2 : 1
        let places = (first..<(first + axes)).map(String.init).joined(separator: ", ")
        let function = function == .maximum ? "amax" : "mean"
        return ["\(call.input).\(function)((\(places),)\(keepsAxes ? ", keepdim=True" : ""))"]
    }
}

extension LocalPooling: TorchOperator {
    package func torchForward(_ call: inout TorchCall) throws -> [String] {
        guard options.padding == .valid, options.dilation.allSatisfy({ $0 == 1 }) else {
            throw FerryError.notInTorch("pooling with padding")
        }
        let x = options.channelsFirst ? call.input : "\(call.input).movedim(-1, 1)"
        let name = "F.\(function == .maximum ? "max" : "avg")_pool\(options.axes)d"
        let y = "\(name)(\(x), \(options.size.pythonTuple), \(options.strides.pythonTuple))"
        return [options.channelsFirst ? y : "\(y).movedim(1, -1)"]
    }
}

extension Slice: TorchOperator {
    package func torchForward(_ call: inout TorchCall) throws -> [String] {
        guard arity == 1...1, let starts = starts.values, let ends = ends.values else {
            throw FerryError.notInTorch("a cut at computed places")
        }
        let (axes, steps) = (axes?.values ?? Array(starts.indices), steps?.values ?? starts.map { _ in 1 })
        guard steps.allSatisfy({ $0 > 0 }), axes.count == starts.count else {
            throw FerryError.notInTorch("a cut that runs backwards")
        }
        var parts = [String](repeating: ":", count: call.type.rank)
        for (i, axis) in axes.enumerated() {
            let end = ends[i] >= Int(Int32.max) ? "" : "\(ends[i])"
            parts[try checkedAxis(axis, rank: call.type.rank)] = "\(starts[i]):\(end):\(steps[i])"
        }
        return ["\(call.input)[\(parts.joined(separator: ", "))]"]
    }
}

extension Squeeze: TorchOperator {
    package func torchForward(_ call: inout TorchCall) throws -> [String] {
        guard arity == 1...1, let axes = axes?.values else { throw FerryError.notInTorch("a squeeze of computed axes") }
        return ["\(call.input).squeeze(\(axes.pythonTuple))"]
    }
}

extension Gather: TorchOperator {
    package func torchForward(_ call: inout TorchCall) throws -> [String] {
        guard let index = call.constants[1], index.rank == 0 else {
            throw FerryError.notInTorch("a choice of several places")
        }
        return ["\(call.input).select(\(axis), \(index.ints[0]))"]
    }
}

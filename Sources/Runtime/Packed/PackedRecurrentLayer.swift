public import FerryEngine

/// A recurrent layer that runs on the kernels; the meaning is that of ``runSequence(_:_:initial:_:_:)``.
struct PackedRecurrentLayer: PreparedOperator {
    let recurrence: PackedRecurrence
    /// The plain definition, asked for the shapes of the states only.
    let cell: any RecurrentCell
    let options: RecurrentOptions

    func run(_ inputs: Slots<Signal>, _ state: inout LayerState) throws -> [Signal] {
        let x = inputs[0].tensor.cast(to: .float32)
        guard x.rank == 3, x.shape[2] == recurrence.features else {
            throw FerryError(.shape, found: "input \(x.shape)", expected: "[batch, time, \(recurrence.features)]")
        }
        let walk = walk(over: x.shape, isMasked: inputs[0].mask != nil)
        let given = inputs.dropFirst(1).present.map { $0.tensor.cast(to: .float32) }
        var states = try initialStates(cell, batch: walk.batch, given: given, options, state)
        let isCarried = options.isStateful || state.isStreaming
        // Given up here, so that the states are uniquely referenced and change in place.
        if isCarried { state.tensors = [] }
        let output = Kernels.flushingDenormals {
            walk.run(x, mask: inputs[0].mask, shape: outputShape(of: walk), &states)
        }
        if isCarried { state.tensors = states }
        let mask = options.returnSequences ? inputs[0].mask : nil
        return [Signal(output, mask: mask)] + (options.returnState ? states.map { Signal($0) } : [])
    }

    /// A walk over an input [batch, time, features], or [time, batch, features] where the options say so.
    func walk(over shape: [Int], isMasked: Bool) -> RecurrentWalk {
        let (batch, time) = options.timeMajor ? (shape[1], shape[0]) : (shape[0], shape[1])
        func strides(_ width: Int) -> RecurrentWalk.Strides {
            options.timeMajor ? .init(row: width, time: batch * width) : .init(row: time * width, time: width)
        }
        let units = recurrence.units
        var walk = RecurrentWalk(
            recurrence, batch: batch, time: time, input: strides(shape[2]), mask: isMasked ? strides(1) : nil,
            output: options.returnSequences ? strides(units) : .init(row: units, time: 0))
        walk.goBackwards = options.goBackwards
        walk.zeroOutputForMask = options.zeroOutputForMask
        walk.beginsWithState = options.beginsWithState
        return walk
    }

    /// The shape of the first output.
    func outputShape(of walk: RecurrentWalk) -> [Int] {
        guard options.returnSequences else { return [walk.batch, recurrence.units] }
        let (first, second) = options.timeMajor ? (walk.time, walk.batch) : (walk.batch, walk.time)
        return [first, second, recurrence.units]
    }
}

extension RecurrentWalk {
    /// Carries `states`, h and perhaps c, over all steps and gives the output.
    fileprivate func run(_ x: Tensor, mask: Tensor?, shape: [Int], _ states: inout [Tensor]) -> Tensor {
        var output = Tensor(zeros: shape)
        guard batch > 0, time > 0 else { return output }
        let cells = states.indices.dropFirst()
        var h = states[0], c = cells.first.map { states[$0] }
        states = []
        let masks: [Bool]? = mask?.elements()
        output.withUnsafeMutableElements { (output: UnsafeMutableBufferPointer<Float>) in
            x.withUnsafeElements { (x: UnsafeBufferPointer<Float>) in
                h.withUnsafeMutableElements { (h: UnsafeMutableBufferPointer<Float>) in
                    Workspace.withFloats(workspaceCount) { workspace in
                        func go(_ c: UnsafeMutablePointer<Float>?, _ mask: UnsafePointer<Bool>?) {
                            guard let x = x.baseAddress, let h = h.baseAddress else { return }
                            run(
                                Memory(
                                    x: x, mask: mask, output: output.baseAddress, h: h, c: c, workspace: workspace))
                        }
                        func masked(_ c: UnsafeMutablePointer<Float>?) {
                            guard let masks else { return go(c, nil) }
                            masks.withUnsafeBufferPointer { go(c, $0.baseAddress) }
                        }
                        guard c != nil else { return masked(nil) }
                        c?.withUnsafeMutableElements { (c: UnsafeMutableBufferPointer<Float>) in masked(c.baseAddress) }
                    }
                }
            }
        }
        states = [h] + (c.map { [$0] } ?? [])
        return output
    }
}

extension LSTM {
    public func prepare(_ parameters: ParameterSet, _ packing: Packing) throws -> any PreparedOperator {
        try packed(parameters, packing) ?? PlainOperator(operation: self, parameters: parameters)
    }

    /// The layer with its weights packed; nil where they lack an option.
    package func packed(_ parameters: ParameterSet, _ packing: Packing) throws -> (any PreparedOperator)? {
        guard let gates = KernelActivation(recurrentActivation), let candidate = KernelActivation(activation),
            let output = KernelActivation(outputActivation ?? activation), units > 0, clip.isPositiveOrNil,
            projection == nil
        else { return nil }
        var weights = try PackedRecurrence.Weights(parameters, useBias: useBias)
        weights.peephole = usesPeepholes ? try parameters.required("peephole").cast(to: .float32) : nil
        let recurrence = PackedRecurrence.lstm(
            weights,
            .init(
                recurrentActivation: gates, activation: candidate, outputActivation: output, clip: clip,
                couplesInputAndForget: couplesInputAndForget), packing)
        return PackedRecurrentLayer(recurrence: recurrence, cell: try cell(parameters), options: options)
    }
}

extension GRU {
    public func prepare(_ parameters: ParameterSet, _ packing: Packing) throws -> any PreparedOperator {
        try packed(parameters, packing) ?? PlainOperator(operation: self, parameters: parameters)
    }

    /// The layer with its weights packed; nil where they lack an option.
    package func packed(_ parameters: ParameterSet, _ packing: Packing) throws -> (any PreparedOperator)? {
        guard let gates = KernelActivation(recurrentActivation), let candidate = KernelActivation(activation),
            units > 0, clip.isPositiveOrNil
        else { return nil }
        var weights = try PackedRecurrence.Weights(parameters, useBias: useBias)
        let biases = weights.bias.map { bias in
            bias.reshaped([bias.count / (3 * units), 3 * units]).split(axis: 0, lengths: resetAfter ? [1, 1] : [1])
                .map { $0.reshaped([3 * units]) }
        }
        weights.bias = biases?.first
        weights.recurrentBias = resetAfter ? biases?.last : nil
        let recurrence = PackedRecurrence.gru(
            weights, .init(recurrentActivation: gates, activation: candidate, clip: clip, resetAfter: resetAfter),
            packing)
        return PackedRecurrentLayer(recurrence: recurrence, cell: try cell(parameters), options: options)
    }
}

extension SimpleRNN {
    public func prepare(_ parameters: ParameterSet, _ packing: Packing) throws -> any PreparedOperator {
        try packed(parameters, packing) ?? PlainOperator(operation: self, parameters: parameters)
    }

    /// The layer with its weights packed; nil where they lack an option.
    package func packed(_ parameters: ParameterSet, _ packing: Packing) throws -> (any PreparedOperator)? {
        guard let activation = KernelActivation(activation), units > 0, clip.isPositiveOrNil else { return nil }
        let weights = try PackedRecurrence.Weights(parameters, useBias: useBias)
        let recurrence = PackedRecurrence.simple(
            weights, activation: activation, clip: clip, packing)
        return PackedRecurrentLayer(recurrence: recurrence, cell: try cell(parameters), options: options)
    }
}

extension PackedRecurrence.Weights {
    /// The parameters that all recurrent layers have, as float32.
    fileprivate init(_ parameters: ParameterSet, useBias: Bool) throws {
        self.init(
            kernel: try parameters.required("kernel").cast(to: .float32),
            recurrentKernel: try parameters.required("recurrent_kernel").cast(to: .float32),
            bias: useBias ? try parameters.required("bias").cast(to: .float32) : nil)
    }
}

extension Float? {
    /// Whether the kernels, to which 0 means no clipping, understand this bound.
    fileprivate var isPositiveOrNil: Bool { map { $0 > 0 } ?? true }
}

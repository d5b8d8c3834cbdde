package import FerryRuntime
package import OrderedCollections
package import FerryEngine

/// A recurrent layer that PyTorch has, in one direction.
///
/// Its tensors are called `weight_ih` [gates · units, features], `weight_hh` [gates · units, units], and with biases
/// `bias_ih` and `bias_hh` [gates · units]; a projection adds `weight_hr` [projection, units]. In a module each has the number of its layer behind it, `_l0`.
package protocol TorchRecurrent: RecurrentOperator, TorchLayer {
    /// The order of the gates in PyTorch's tensors, and in Ferry's.
    static var torchGates: (torch: GateOrder, own: GateOrder) { get }
    /// The class in `torch.nn`.
    static var torchClass: String { get }
    /// The length of h inside.
    var units: Int { get }
    /// Whether there are biases.
    var useBias: Bool { get }
    /// The length of h where it is projected.
    var projection: Int? { get }
    /// What its module is told beside sizes, such as `nonlinearity='relu'`.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` where PyTorch's cell computes something else.
    func torchCellOptions() throws -> [String]
    /// The two biases of PyTorch that mean this one, in Ferry's order of gates.
    func torchBiases(_ bias: Tensor) -> (input: Tensor, recurrent: Tensor)
    /// The bias that PyTorch's two mean, in Ferry's order of gates.
    func bias(torch input: Tensor, _ recurrent: Tensor) -> Tensor
}

extension TorchRecurrent {
    package var projection: Int? { nil }

    package func torchBiases(_ bias: Tensor) -> (input: Tensor, recurrent: Tensor) {
        (bias, Tensor(zeros: bias.shape, dtype: bias.dtype))
    }

    package func bias(torch input: Tensor, _ recurrent: Tensor) -> Tensor { input.adding(recurrent) }

    package func torchTensors(_ parameters: ParameterSet) throws -> OrderedDictionary<String, Tensor> {
        let (torch, own) = Self.torchGates
        func rows(_ name: String) throws -> Tensor {
            own.reorder(try parameters.required(name), axis: 1, to: torch).transposed([1, 0])
        }
        var tensors: OrderedDictionary = ["weight_ih": try rows("kernel"), "weight_hh": try rows("recurrent_kernel")]
        if useBias {
            let biases = torchBiases(try parameters.required("bias"))
            tensors["bias_ih"] = own.reorder(biases.input, axis: 0, to: torch)
            tensors["bias_hh"] = own.reorder(biases.recurrent, axis: 0, to: torch)
        }
        if projection != nil { tensors["weight_hr"] = try parameters.required("projection").transposed([1, 0]) }
        return tensors
    }

    package func parameters(torch tensors: TorchModuleTensors) throws -> ParameterSet {
        let (torch, own) = Self.torchGates
        func columns(_ name: String) throws -> Tensor {
            torch.reorder(try tensors(name), axis: 0, to: own).transposed([1, 0])
        }
        var parameters = ParameterSet([
            "kernel": try columns("weight_ih"), "recurrent_kernel": try columns("weight_hh"),
        ])
        if useBias {
            parameters["bias"] = bias(
                torch: torch.reorder(try tensors("bias_ih"), axis: 0, to: own),
                torch.reorder(try tensors("bias_hh"), axis: 0, to: own))
        }
        if projection != nil { parameters["projection"] = try tensors("weight_hr").transposed([1, 0]) }
        return parameters
    }

    package func torchModule(_ call: TorchCall) throws -> String {
        try torchModule(call, bidirectional: false)
    }

    /// The expression that makes the module for one direction or both.
    func torchModule(_ call: TorchCall, bidirectional: Bool) throws -> String {
        var arguments = ["\(try call.features())", "\(units)"]
        if call.stack.layers > 1 { arguments.append("num_layers=\(call.stack.layers)") }
        if !useBias { arguments.append("bias=False") }
        if !options.timeMajor { arguments.append("batch_first=True") }
        if call.stack.layers > 1, call.stack.dropout > 0 { arguments.append("dropout=\(call.stack.dropout)") }
        if bidirectional { arguments.append("bidirectional=True") }
        if let projection { arguments.append("proj_size=\(projection)") }
        return "nn.\(Self.torchClass)(\((arguments + (try torchCellOptions())).joined(separator: ", ")))"
    }

    package func torchForward(_ call: inout TorchCall) throws -> [String] {
        _ = try torchCellOptions()
        guard !options.isStateful else {
            throw FerryError.notInTorch("keeps its states from call to call", "pass the states in PyTorch yourself")
        }
        let timeAxis = options.timeMajor ? 0 : 1
        let x = options.goBackwards ? "\(call.input).flip(\(timeAxis))" : call.input
        let (sequence, states) = call.runRecurrent(x, states: stateSizes.count)
        let output = options.returnSequences ? sequence : "\(sequence)[\(options.timeMajor ? "-1" : ":, -1")]"
        return [output] + (options.returnState ? states.map { "\($0)[-1]" } : [])
    }
}

extension TorchCall {
    /// Runs the recurrent module and gives the expressions of its sequence and of its last states,
    /// [directions, batch, units].
    mutating func runRecurrent(_ x: String, states count: Int) -> (sequence: String, states: [String]) {
        let given = inputs.dropFirst()
        let perState = stride(from: 0, to: count, by: 1).map { state in
            // Further inputs are the states of one direction, then those of the other.
            let parts = stride(from: state, to: given.count, by: count).map { given[given.startIndex + $0] }
            return "torch.stack([\(parts.joined(separator: ", "))])"
        }
        let argument = given.isEmpty ? "" : ", " + (count == 1 ? perState[0] : "(\(perState.joined(separator: ", ")))")
        let names = (0...count).map(name)
        let states = names.dropFirst()
        let pattern = count == 1 ? states.joined() : "(\(states.joined(separator: ", ")))"
        run("\(names[0]), \(pattern) = \(module)(\(x)\(argument))")
        return (names[0], Array(states))
    }
}

extension LSTM: TorchRecurrent {
    package static let torchGates: (torch: GateOrder, own: GateOrder) = (
        [.input, .forget, .cell, .output], LSTM.gateOrder
    )
    package static let torchClass = "LSTM"

    package func torchCellOptions() throws -> [String] {
        guard activation == .tanh, recurrentActivation == .sigmoid, (outputActivation ?? activation) == .tanh else {
            throw FerryError.notInTorch("other activations than tanh and sigmoid")
        }
        guard !usesPeepholes, !couplesInputAndForget, clip == nil else {
            throw FerryError.notInTorch("peepholes, coupled gates or clipping")
        }
        return []
    }
}

extension GRU: TorchRecurrent {
    package static let torchGates: (torch: GateOrder, own: GateOrder) = ([.reset, .update, .new], GRU.gateOrder)
    package static let torchClass = "GRU"

    package func torchCellOptions() throws -> [String] {
        guard activation == .tanh, recurrentActivation == .sigmoid, clip == nil else {
            throw FerryError.notInTorch("other activations than tanh and sigmoid, or clipping")
        }
        guard resetAfter else {
            throw FerryError.notInTorch("the reset gate acts before the product (reset_after=False)")
        }
        return []
    }

    package func torchBiases(_ bias: Tensor) -> (input: Tensor, recurrent: Tensor) {
        let rows = bias.reshaped([bias.count / (3 * units), 3 * units]).split(
            axis: 0, lengths: resetAfter ? [1, 1] : [1])
        let flat = rows.map { $0.reshaped([3 * units]) }
        return (flat[0], flat.count > 1 ? flat[1] : Tensor(zeros: [3 * units], dtype: bias.dtype))
    }

    package func bias(torch input: Tensor, _ recurrent: Tensor) -> Tensor {
        resetAfter ? .stacked([input, recurrent], axis: 0) : input.adding(recurrent)
    }
}

extension SimpleRNN: TorchRecurrent {
    package static let torchGates: (torch: GateOrder, own: GateOrder) = ([.cell], [.cell])
    package static let torchClass = "RNN"

    package func torchCellOptions() throws -> [String] {
        guard activation == .tanh || activation == .relu, clip == nil else {
            throw FerryError.notInTorch("another activation than tanh and relu, or clipping")
        }
        return activation == .relu ? ["nonlinearity='relu'"] : []
    }
}

extension Tensor {
    /// The sum, where adding zero changes no bit: −0 stays −0.
    fileprivate func adding(_ other: Tensor) -> Tensor {
        let (a, b) = (cast(to: .float64).elements(Double.self), other.cast(to: .float64).elements(Double.self))
        let sums = zip(a, b).map { $1 == 0 ? $0 : $0 == 0 ? $1 : $0 + $1 }
        return Tensor(sums, shape: shape).cast(to: dtype)
    }
}

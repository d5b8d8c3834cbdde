import FerryEngine
import FerryRuntime
import OrderedCollections

/// The name of a tensor in a state dict, taken apart: the module, which layer of a stack, and the name inside.
struct TorchParameterName: Hashable {
    /// The path of the module, such as `encoder.lstm`; empty for the module that was saved itself.
    let module: String
    /// The number of the layer in a recurrent module; nil elsewhere, also for cells.
    let level: Int?
    /// The name without the number, such as `weight_ih_reverse`.
    let name: String

    /// Takes `encoder.lstm.weight_ih_l0_reverse` apart.
    init(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        module = parts.dropLast().joined(separator: ".")
        let last = String(parts.last ?? "")
        guard let match = last.wholeMatch(of: /(weight_ih|weight_hh|weight_hr|bias_ih|bias_hh)_l(\d{1,4})(_reverse)?/),
            let number = Int(match.2)
        else {
            (level, name) = (nil, last)
            return
        }
        level = number
        name = String(match.1) + (match.3.map(String.init) ?? "")
    }

    /// The name in a module: `weight_ih_reverse` of the first layer is `weight_ih_l0_reverse`.
    static func text(_ name: String, level: Int) -> String {
        let isReverse = name.hasSuffix("_reverse")
        return "\(isReverse ? String(name.dropLast("_reverse".count)) : name)_l\(level)\(isReverse ? "_reverse" : "")"
    }
}

extension Operator {
    /// What a tensor of its module is called in a state dict, without the module's path.
    func torchName(_ name: String) -> String {
        self is any RecurrentOperator || self is Bidirectional ? TorchParameterName.text(name, level: 0) : name
    }
}

extension ParameterSource {
    /// Whether the tensors are those of a cell, `nn.LSTMCell` and its kin.
    var isCell: Bool { names.contains { $0.key == "weight_ih" && $0.value.hasSuffix("weight_ih") } }

    /// The tensors as the layer's module has them, to compute with.
    var moduleTensors: TorchModuleTensors {
        TorchModuleTensors(tensors.mapValues { $0.dtype.isFloat ? $0.cast(to: .float32) : $0 })
    }
}

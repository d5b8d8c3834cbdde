import FerryEngine
public import FerryRuntime
import OrderedCollections

/// A model as a PyTorch module: its tensors by name, and the Python that makes the module which loads them.
package struct TorchModule {
    /// The tensors, as `module.state_dict()` would give them.
    package let stateDict: StateDict
    private let title: String
    private let modules: [(path: String, expression: String)]
    private let inputs: [String]
    private let body: [String]
    private let outputs: [String]
    private let unprintable: [TorchRefusal]

    /// The module that computes what `model` does.
    ///
    /// - Throws: one ``FerryError`` that names every layer which PyTorch computes otherwise.
    package init(_ model: Model) throws {
        var writer = TorchModuleWriter(model)
        try writer.write(model.graph)
        stateDict = writer.stateDict
        title = model.name.pythonClass
        (modules, body, unprintable) = (writer.modules, writer.statements, writer.unprintable)
        (inputs, outputs) = (writer.inputs, writer.outputs)
    }

    /// The Python of a class whose instance loads the tensors with `load_state_dict(strict=True)`.
    ///
    /// - Throws: one ``FerryError`` that names every layer for which no Python can be written.
    package func python() throws -> String {
        try TorchRefusal.refuse(unprintable, "cannot be printed as Python")
        let text =
            construction + ["", "    def forward(self, \(inputs.joined(separator: ", "))):"]
            + (body + ["return \(outputs.joined(separator: ", "))"]).map { "        \($0)" }
        let usesFunctional = text.contains { $0.contains("F.") }
        let imports =
            ["import torch", "from torch import nn"] + (usesFunctional ? ["import torch.nn.functional as F"] : [])
        return (imports + ["", "", "class \(title)(nn.Module):"] + text).joined(separator: "\n")
    }

    private var construction: [String] {
        var made: Set<String> = []
        let assignments = modules.flatMap { path, expression in
            path.modulesAround.filter { made.insert($0).inserted }.map { $0.pythonAssignment("nn.Module()") }
                + [path.pythonAssignment(expression)]
        }
        return ["    def __init__(self):"] + (["super().__init__()"] + assignments).map { "        \($0)" }
    }
}

/// A layer that PyTorch cannot have, and why.
struct TorchRefusal {
    let layer: String
    let kind: String
    let error: FerryError

    /// Throws one error for all refusals, where there are any.
    static func refuse(_ refusals: [TorchRefusal], _ what: String) throws {
        guard let first = refusals.first else { return }
        guard refusals.count > 1 else { throw first.error.located(in: "layer '\(first.layer)' (\(first.kind))") }
        let list = refusals.map { "'\($0.layer)' (\($0.kind)): \($0.error.found)" }.joined(separator: ", ")
        throw FerryError(
            .unsupported, found: "\(refusals.count) layers \(what): \(list)", expected: first.error.expected,
            remedy: first.error.remedy ?? "write ONNX instead")
    }
}

extension String {
    /// `a` and `a.b` of `a.b.c`.
    fileprivate var modulesAround: [String] {
        let parts = split(separator: ".").map(String.init)
        return parts.indices.dropFirst().map { parts.prefix($0).joined(separator: ".") }
    }

    /// A name for a class: `my_model` becomes `MyModel`.
    fileprivate var pythonClass: String {
        let words = split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
        let name = words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
        return name.first?.isLetter == true ? name : "Model\(name)"
    }
}

extension Model {
    /// The model's parameters under the names and in the layouts of PyTorch, for a module that
    /// `load_state_dict(strict=True)` fills; `ferry inspect --pytorch` prints that module.
    ///
    /// - Throws: ``FerryError`` that names every layer which PyTorch computes otherwise.
    public func stateDict() throws -> StateDict { try TorchModule(self).stateDict }
}

/// Names for the values and modules of a Python class.
struct TorchNames {
    private var taken: Set<String> = ["self", "torch", "nn", "F"]

    /// A Python identifier made of `name` that nothing else is called by.
    mutating func unique(_ name: String) -> String {
        let identifier = name.pythonIdentifier
        var candidate = identifier
        var number = 1
        while !taken.insert(candidate).inserted {
            candidate = "\(identifier)_\(number)"
            number += 1
        }
        return candidate
    }
}

extension String {
    /// The name with underscores where Python allows no other character, and one behind where it is a word of Python or
    /// of `nn.Module`.
    var pythonIdentifier: String {
        var result = String(map { $0 == "_" || $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
        while result.hasPrefix("__") { result.removeFirst() }
        if result.isEmpty || result == "_" { result = "value" }
        if result.first?.isNumber == true { result = "_" + result }
        return Self.reserved.contains(result) ? result + "_" : result
    }

    /// Whether it can stand behind a dot.
    var isPythonIdentifier: Bool { !isEmpty && pythonIdentifier == self }

    private static let reserved: Set<String> = [
        "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
        "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
        "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
        "add_module", "apply", "buffers", "children", "compile", "cpu", "cuda", "double", "eval", "float", "forward",
        "half", "modules", "parameters", "training", "train", "to", "type", "state_dict", "zero_grad",
    ]

    /// The expression for the module at this path, such as `self.encoder.lstm`.
    var pythonModule: String {
        split(separator: ".").map(String.init).reduce("self") { outer, name in
            name.isPythonIdentifier ? "\(outer).\(name)" : "\(outer).get_submodule('\(name)')"
        }
    }

    /// The statement that puts `expression` at this path.
    func pythonAssignment(_ expression: String) -> String {
        let parts = split(separator: ".").map(String.init)
        let (outer, name) = (parts.dropLast().joined(separator: ".").pythonModule, parts.last ?? self)
        return name.isPythonIdentifier
            ? "\(outer).\(name) = \(expression)" : "\(outer).add_module('\(name)', \(expression))"
    }
}

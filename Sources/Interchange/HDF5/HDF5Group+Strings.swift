import FerryEngine
import OrderedCollections

extension HDF5Group {
    /// The text of an attribute, or nil where there is no such attribute.
    ///
    /// - Throws: ``FerryError/Code/dtype`` where the attribute holds something else.
    package func string(named name: String) throws -> String? {
        switch attributes[name] {
        case nil: return nil
        case .string(let text)?: return text
        case .strings(let texts)? where texts.count == 1: return texts[0]
        case let other?: throw other.mismatch(name, expected: "needs one text")
        }
    }

    /// The texts of an attribute, or nil where there is no such attribute.
    ///
    /// A list too long for one attribute lies in `name0`, `name1`, …, as Keras writes it.
    ///
    /// - Throws: ``FerryError/Code/dtype`` where the attribute holds something else.
    package func strings(named name: String) throws -> [String]? {
        if let whole = try part(named: name) { return whole }
        guard var texts = try part(named: "\(name)0") else { return nil }
        var index = 1
        while let part = try part(named: "\(name)\(index)") {
            texts += part
            index += 1
        }
        return texts
    }

    /// Sets a list of texts, divided as Keras divides it where one attribute cannot hold it.
    ///
    /// - Throws: ``FerryError/Code/range`` where a single text is too long.
    package mutating func setStrings(_ texts: [String], named name: String) throws {
        attributes[name] = nil
        for index in 0... where attributes.removeValue(forKey: "\(name)\(index)") == nil { break }

        let width = texts.map(\.utf8.count).max() ?? 0
        guard width <= HDF5Attribute.largestByteCount else {
            throw FerryError(
                .range, at: ["attribute '\(name)'"], found: "a text of \(width) bytes",
                expected: "HDF5 attributes hold at most \(HDF5Attribute.largestByteCount)")
        }
        let perPart = HDF5Attribute.largestByteCount / max(width, 1)
        guard texts.count > perPart else {
            attributes[name] = .strings(texts)
            return
        }
        for (index, part) in texts.evenlyDivided(into: (texts.count + perPart - 1) / perPart).enumerated() {
            attributes["\(name)\(index)"] = .strings(part)
        }
    }

    private func part(named name: String) throws -> [String]? {
        switch attributes[name] {
        case nil: nil
        case .strings(let texts)?: texts
        case .string(let text)?: [text]
        // NumPy makes an empty list a list of numbers.
        case .tensor(let tensor)? where tensor.count == 0: []
        case let other?: throw other.mismatch(name, expected: "needs a list of texts")
        }
    }
}

extension HDF5Attribute {
    /// The room that Keras counts on in an object header, which ends at 64 KiB.
    package static let largestByteCount = 64512

    fileprivate func mismatch(_ name: String, expected: String) -> FerryError {
        let found =
            switch self {
            case .string: "holds one text"
            case .strings(let texts): "holds \(texts.count) texts"
            case .tensor(let tensor): "holds \(tensor.dtype.rawValue) \(tensor.shape)"
            case .unsupported(let kind): "holds \(kind)"
            }
        return FerryError(.dtype, at: ["attribute '\(name)'"], found: found, expected: expected)
    }
}

extension [String] {
    /// Consecutive parts of which the first ones are longer by one where the division has a remainder.
    fileprivate func evenlyDivided(into count: Int) -> [[String]] {
        let (length, longer) = self.count.quotientAndRemainder(dividingBy: count)
        return (0..<count).map { part in
            let start = part * length + Swift.min(part, longer)
            return Array(self[start..<(start + length + (part < longer ? 1 : 0))])
        }
    }
}

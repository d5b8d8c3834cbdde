import ArgumentParser
import Ferry

/// `NAME=1,100,64`.
struct ShapeOption: ExpressibleByArgument {
    /// The input.
    let name: String
    /// The length of each axis.
    let lengths: [Int]

    init?(argument: String) {
        guard let equals = argument.lastIndex(of: "=") else { return nil }
        let parts = argument[argument.index(after: equals)...].split(separator: ",", omittingEmptySubsequences: false)
        let lengths = parts.compactMap { Int($0) }
        guard equals > argument.startIndex, lengths.count == parts.count, lengths.allSatisfy({ $0 > 0 }),
            lengths.checkedProduct != nil
        else { return nil }
        self.name = String(argument[..<equals])
        self.lengths = lengths
    }

    /// `shapes` with those that `options` name replaced.
    static func apply(_ options: [ShapeOption], to shapes: [[Int]], of model: Model) throws -> [[Int]] {
        var shapes = shapes
        for option in options {
            guard let index = model.inputs.firstIndex(where: { $0.name == option.name }) else {
                throw FerryError(
                    .usage, found: "there is no input '\(option.name)'",
                    expected: "the inputs are \(model.inputs.map { "'\($0.name)'" }.joined(separator: ", "))")
            }
            let type = model.inputs[index].type
            guard type.accepts(option.lengths) else {
                throw FerryError(
                    .usage, at: ["input '\(option.name)'"], found: "--shape gives \(option.lengths)",
                    expected: "expected \(type.shape)")
            }
            shapes[index] = option.lengths
        }
        return shapes
    }
}

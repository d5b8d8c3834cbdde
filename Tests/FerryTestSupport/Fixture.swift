package import FerryEngine
package import FerryInterchange
package import FerryRuntime
import OrderedCollections

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A model that a real framework saved, with what it computed.
package struct Fixture: Sendable {
    /// Such as `keras3/lstm/model.keras`.
    package let name: String
    /// Where the model is.
    package let path: String

    /// What must be known beside the file: weights alone lie beside their architecture.
    package var options: ReadOptions {
        path.hasSuffix(".weights.h5") || path.hasSuffix(".weights.json")
            ? ReadOptions(architecture: path.parentFolder + "/config.json") : ReadOptions()
    }

    /// The repository's root, found from this file.
    package static let root = String(#filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" })

    /// Every model file of a framework's fixtures, such as `keras3`.
    package static func all(in framework: String) -> [Fixture] {
        let folder = "\(root)/fixtures/\(framework)"
        let cases = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return cases.sorted().flatMap { name in
            let files = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(name)")) ?? []
            return files.sorted().filter { $0.hasPrefix("model.") }.map { file in
                Fixture(name: "\(framework)/\(name)/\(file)", path: "\(folder)/\(name)/\(file)")
            }
        }
    }

    /// The names of the folders in a folder, sorted.
    package static func folders(in path: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.sorted().filter { FileManager.default.fileExists(atPath: "\(path)/\($0)/model.keras") }
    }

    /// The name of the case, such as `lstm`.
    package var caseName: String { String(name.split(separator: "/")[1]) }

    /// The recorded tensors `in_0`, `in_1` … or `out_0` …, in order.
    package func recorded(_ prefix: String) throws -> [Tensor] {
        let members = try NPZFile.read(path.parentFolder + "/io.npz")
        return (0...).lazy.map { members["\(prefix)_\($0)"] }.prefix { $0 != nil }.compactMap { $0 }
    }

}

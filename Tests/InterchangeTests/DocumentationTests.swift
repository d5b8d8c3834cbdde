import FerryEngine
import FerryInterchange
import FerryRuntime
import FerryTestSupport
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The generated pages say what the catalogues hold. `FERRY_UPDATE_DOCS=1` writes them instead.
struct DocumentationTests {
    private static let path = Fixture.root + "/docs/Operators.md"

    @Test func operatorsPageIsCurrent() throws {
        let page = Self.operatorsPage()
        if getenv("FERRY_UPDATE_DOCS") != nil { try AtomicFile.write(Array(page.utf8), to: Self.path) }
        #expect(String(decoding: try FileBytes.read(Self.path), as: UTF8.self) == page)
    }

    private static func operatorsPage() -> String {
        let layers = OperatorCatalogue.all.map { type in
            let classes = (type as? any KerasLayer.Type)?.kerasClasses.map { "`\($0)`" }.joined(separator: ", ") ?? "—"
            return "| \(type.kind) | \(classes) | \(type is any ONNXWritable.Type ? "yes" : "refused by name") |"
        }
        let readable = ONNXReaderCatalogue.byOperator.keys.sorted().map { "`\($0)`" }.joined(separator: ", ")
        return """
            # Operators

            Made from the catalogues by `DocumentationTests`; do not edit. `FERRY_UPDATE_DOCS=1 swift test` writes it anew.

            ## Layers

            | operator | Keras classes it reads and writes | written to ONNX |
            |---|---|---|
            \(layers.joined(separator: "\n"))

            ## ONNX operators that are read

            \(readable)

            """
    }
}

import FerryInterchange
import FerryRuntime
import Testing

/// The catalogues have no gaps but those named here, each with its reason.
struct CatalogueTests {
    /// Operators that Keras has no layer for.
    static let notInKeras: [String: String] = [:]
    /// Operators that are not written to ONNX yet.
    static let notInONNX: [String: String] = [:]

    @Test func kindsAreUnique() {
        let kinds = OperatorCatalogue.all.map { $0.kind }
        #expect(Set(kinds).count == kinds.count)
    }

    @Test(arguments: OperatorCatalogue.all.map { $0.kind })
    func everyOperatorHasAKerasLayer(_ kind: String) throws {
        let type = try #require(OperatorCatalogue.all.first { $0.kind == kind })
        #expect((type is any KerasLayer.Type) == (Self.notInKeras[kind] == nil))
        if type is any KerasLayer.Type { #expect(KerasCatalogue.layers.contains { $0 == type }) }
    }

    @Test(arguments: OperatorCatalogue.all.map { $0.kind })
    func everyOperatorIsWrittenToONNX(_ kind: String) throws {
        let type = try #require(OperatorCatalogue.all.first { $0.kind == kind })
        #expect((type is any ONNXWritable.Type) == (Self.notInONNX[kind] == nil))
        if type is any ONNXWritable.Type { #expect(ONNXWriterCatalogue.all.contains { $0 == type }) }
    }
}

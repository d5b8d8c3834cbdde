import FerryEngine
import FerryRuntime
import OrderedCollections

/// What programs keep with a model, in a place of its own that Keras does not look at: the member `ferry.json` of an
/// archive, or the attribute `ferry` of an HDF5 file.
enum KerasAttributes {
    static let member = "ferry.json"
    static let attribute = "ferry"

    /// The attributes that `text` holds.
    static func read(_ text: [UInt8]?) throws -> OrderedDictionary<String, JSONValue> {
        guard let text else { return [:] }
        return try locating(member) { try JSONValue(parsing: text).objectValue ?? [:] }
    }

    /// The text of a model's attributes; nil where it has none.
    static func text(_ model: Model) -> String? {
        model.metadata.attributes.isEmpty ? nil : JSONValue.object(model.metadata.attributes).encoded()
    }
}

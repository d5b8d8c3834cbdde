extension ONNXModel {
    /// Whether a file that begins with `firstBytes` may be an ONNX model; sixty-four bytes are enough to tell.
    ///
    /// ONNX has no magic number: the fields at the beginning must be ones that a model has, and hold what they should.
    package static func looksLikeONNX(firstBytes: [UInt8]) -> Bool {
        firstBytes.withUnsafeBytes { ONNXSniff($0).looksLikeModel() }
    }
}

/// Reads the first fields of a model whose rest may be missing.
private struct ONNXSniff {
    private var cursor: ProtobufCursor
    private let end: Int
    private var sure = false

    init(_ bytes: UnsafeRawBufferPointer) {
        cursor = ProtobufCursor(bytes)
        end = bytes.count
    }

    consuming func looksLikeModel() -> Bool {
        while cursor.position < end {
            guard let (number, layout) = cursor.field(before: end) else { break }
            guard fits(Int(number), layout) else { return false }
        }
        return sure
    }

    /// Whether the next field may stand in a model; steps over it.
    private mutating func fits(_ number: Int, _ layout: ProtobufCursor.Layout) -> Bool {
        switch (number, layout) {
        case (1, .variable):
            guard let version = cursor.varint(before: end) else { return cursor.position == end }
            sure = (1..<1000).contains(version)
            return sure
        case (5, .variable):
            return cursor.varint(before: end) != nil || cursor.position == end
        case (2...4, .measured), (6, .measured):
            return content().map(isText) ?? true
        case (7, .measured):
            return content().map { starts($0, with: Self.graphKeys) } ?? true
        case (8, .measured):
            return content().map { starts($0, with: [0x0A, 0x10]) } ?? true
        case (14, .measured), (20, .measured), (25, .measured), (26, .measured):
            return content() != nil || cursor.position == end
        default:
            return false
        }
    }

    /// As much of a field's content as there is; nil where there is not even its length.
    private mutating func content() -> UnsafeRawBufferPointer? {
        guard let size = cursor.varint(before: end) else { return nil }
        return cursor.skip(min(size, UInt64(end - cursor.position)), before: end)
    }

    // The keys of node, name, initializer, doc_string and so on in field order.
    private static let graphKeys: Set<UInt8> = [0x0A, 0x12, 0x2A, 0x52, 0x5A, 0x62, 0x6A, 0x72, 0x7A]

    private mutating func starts(_ content: UnsafeRawBufferPointer, with keys: Set<UInt8>) -> Bool {
        guard let first = content.first else { return true }
        sure = sure || keys.contains(first)
        return keys.contains(first)
    }

    private func isText(_ content: UnsafeRawBufferPointer) -> Bool {
        // Messages of other formats begin with a control character here: the key of their first field.
        !content.contains { $0 < 0x20 && ![0x09, 0x0A, 0x0D].contains($0) } && content.first != 0x0A
    }
}

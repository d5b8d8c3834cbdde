import CONNX
import FerryEngine

/// Walks a model's bytes along the schema before protobuf-c does, which recurses and allocates as the bytes command.
struct ONNXWireCheck {
    /// Fields that the schema lacks, such as `NodeProto field 11`.
    private(set) var unknownFields: Set<String> = []

    /// How deep messages may nest; other readers of protobuf stop there as well.
    static let deepest = 100
    /// Bytes that protobuf-c may take for what is larger in memory than in the file.
    static let memory = 1 << 30

    private struct Level {
        let message: UnsafePointer<ProtobufCMessageDescriptor>
        let end: Int

        var name: String { String(cString: message.pointee.short_name) }
    }

    private var cursor: ProtobufCursor
    private var levels: [Level] = []
    private var memory = 0

    /// Walks all of `bytes`.
    init(_ bytes: UnsafeRawBufferPointer) throws {
        cursor = ProtobufCursor(bytes)
        var model = FerryOnnx__ModelProto()
        ferry_onnx__model_proto__init(&model)
        levels.append(Level(message: model.base.descriptor, end: bytes.count))
        while let level = levels.last {
            if cursor.position == level.end { levels.removeLast() } else { try step(in: level) }
        }
    }

    private mutating func step(in level: Level) throws {
        let start = cursor.position
        guard let (number, layout) = cursor.field(before: level.end) else {
            throw FerryError.damaged(atByte: start, "no field of \(level.name) begins here")
        }
        let field = protobuf_c_message_descriptor_get_field(level.message, number)
        if field == nil { unknownFields.insert("\(level.name) field \(number)") }
        try use(64, at: start)

        let size: UInt64?
        switch layout {
        case .variable: size = cursor.varint(before: level.end).map { _ in 0 }
        case .eightBytes: size = 8
        case .fourBytes: size = 4
        case .measured: size = cursor.varint(before: level.end)
        }
        guard let size, size <= UInt64(level.end - cursor.position) else {
            throw FerryError.damaged(
                atByte: start, "field \(number) of \(level.name) is longer than what contains it",
                expected: "the file may be cut off")
        }
        if let field { try enter(field.pointee, layout, size, start, level) } else { skip(size) }
    }

    /// Descends into a message or steps over anything else.
    private mutating func enter(
        _ field: ProtobufCFieldDescriptor, _ layout: ProtobufCursor.Layout, _ size: UInt64, _ start: Int, _ level: Level
    ) throws {
        var name: String { "\(level.name).\(String(cString: field.name))" }
        let type = field.type
        if layout != .measured,
            type == PROTOBUF_C_TYPE_MESSAGE || type == PROTOBUF_C_TYPE_STRING || type == PROTOBUF_C_TYPE_BYTES
        {
            throw FerryError.damaged(atByte: start, "\(name) has the layout of a number")
        }
        switch type {
        case PROTOBUF_C_TYPE_MESSAGE:
            guard levels.count <= Self.deepest else {
                throw FerryError.damaged("nests graphs or types more than \(Self.deepest) messages deep")
            }
            let message = field.descriptor.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)
            try use(message.pointee.sizeof_message, at: start)
            levels.append(Level(message: message, end: cursor.position + Int(size)))
        case PROTOBUF_C_TYPE_STRING:
            guard let text = skip(size), isText(text) else {
                throw FerryError.damaged(atByte: start, "\(name) is not UTF-8 text")
            }
        case PROTOBUF_C_TYPE_BYTES:
            skip(size)
        case PROTOBUF_C_TYPE_FLOAT, PROTOBUF_C_TYPE_DOUBLE:
            skip(size)
        default:
            // A packed integer takes up to eight bytes in memory for one in the file.
            if layout == .measured { try use(8 * Int(size), at: start) }
            skip(size)
        }
    }

    @discardableResult
    private mutating func skip(_ size: UInt64) -> UnsafeRawBufferPointer? {
        cursor.skip(size, before: .max)
    }

    private mutating func use(_ count: Int, at offset: Int) throws {
        memory += count
        guard memory <= Self.memory else {
            throw FerryError(
                .unsupported, found: "has too many fields",
                expected: "those up to byte \(offset) would already take \(Self.memory >> 30) GiB of memory")
        }
    }

    // C's texts end at the first zero.
    private func isText(_ bytes: UnsafeRawBufferPointer) -> Bool {
        String(validating: bytes, as: UTF8.self) != nil && !bytes.contains(0)
    }
}

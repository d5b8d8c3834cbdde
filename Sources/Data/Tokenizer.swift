public import FerryEngine
public import OrderedCollections

/// Turns texts into token ids and back; reads and writes the JSON of Keras's `Tokenizer`.
///
/// Ids count from 1 in the order of frequency; 0 is for padding.
public struct Tokenizer: Sendable, Equatable {
    /// What a token is.
    public enum Unit: Sendable, Equatable { case word, character }

    /// What a token is.
    public var unit: Unit
    /// The number of ids that are used, 0 included; rarer tokens count as unknown. nil for all.
    public var limit: Int?
    /// The token that stands for unknown ones; nil drops them.
    public var unknownToken: String?
    /// Whether texts are made lower case.
    public var lowercases: Bool
    /// Characters that separate words like spaces do.
    public var filters: String
    private var counts: OrderedDictionary<String, Int> = [:]
    private var documents: OrderedDictionary<String, Int> = [:]
    private var documentCount = 0
    /// The id of each token.
    public private(set) var ids: OrderedDictionary<String, Int> = [:]
    private var tokens: [Int: String] = [:]

    /// Keras's defaults.
    public init(
        _ unit: Unit = .word, limit: Int? = nil, unknownToken: String? = nil, lowercases: Bool = true,
        filters: String = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n"
    ) {
        self.unit = unit
        self.limit = limit
        self.unknownToken = unknownToken
        self.lowercases = lowercases
        self.filters = filters
    }

    /// The number of ids, that of padding included: the vocabulary of an ``Embedding`` behind it.
    public var vocabulary: Int { min(limit ?? .max, (ids.values.max() ?? 0) + 1) }

    /// Learns the tokens of texts.
    public mutating func fit(_ texts: [String]) {
        for text in texts {
            documentCount += 1
            let found = split(text)
            for token in found { counts[token, default: 0] += 1 }
            for token in OrderedSet(found) { documents[token, default: 0] += 1 }
        }
        let sorted = counts.keys.enumerated().sorted { a, b in
            let (x, y) = (counts[a.element] ?? 0, counts[b.element] ?? 0)
            return x == y ? a.offset < b.offset : x > y
        }
        ids = [:]
        for token in (unknownToken.map { [$0] } ?? []) + sorted.map(\.element) where ids[token] == nil {
            ids[token] = ids.count + 1
        }
        index()
    }

    /// The token ids of a text.
    public func encode(_ text: String) -> [Int] {
        let unknown = unknownToken.flatMap { ids[$0] }
        return split(text).compactMap { token in
            guard let id = ids[token], id < limit ?? .max else { return unknown }
            return id
        }
    }

    /// The text of token ids; 0 and unknown ids are left out.
    public func decode(_ ids: [Int]) -> String {
        ids.compactMap { tokens[$0] }.joined(separator: unit == .word ? " " : "")
    }

    /// The tokens of a text, in order.
    public func split(_ text: String) -> [String] {
        let text = lowercases ? text.lowercased() : text
        guard unit == .word else { return text.unicodeScalars.map { String($0) } }
        let separators = Set(filters.unicodeScalars).union([" "])
        return text.unicodeScalars.split { separators.contains($0) }.map { String(String.UnicodeScalarView($0)) }
    }

    private mutating func index() { tokens = Dictionary(ids.map { ($1, $0) }, uniquingKeysWith: { a, _ in a }) }
}

extension Tokenizer {
    /// What Keras's `Tokenizer.to_json` writes.
    public var json: JSONValue {
        func text(_ members: some Sequence<(String, JSONValue)>) -> JSONValue {
            .string(JSONValue.object(OrderedDictionary(members, uniquingKeysWith: { a, _ in a })).encoded())
        }
        let config: JSONValue = [
            "num_words": limit.map(JSONValue.int) ?? .null, "filters": .string(filters), "lower": .bool(lowercases),
            "split": " ", "char_level": .bool(unit == .character),
            "oov_token": unknownToken.map(JSONValue.string) ?? .null, "document_count": .int(documentCount),
            "word_counts": text(counts.map { ($0, .int($1)) }), "word_docs": text(documents.map { ($0, .int($1)) }),
            "index_docs": text(documents.map { ("\(ids[$0] ?? 0)", .int($1)) }),
            "index_word": text(ids.map { ("\($1)", .string($0)) }), "word_index": text(ids.map { ($0, .int($1)) }),
        ]
        return ["class_name": "Tokenizer", "config": config]
    }

    /// Reads what Keras's `Tokenizer.to_json` writes.
    ///
    /// - Throws: ``FerryError/Code/json`` where `json` is none of it.
    public init(json: JSONValue) throws {
        guard json["class_name"]?.stringValue == "Tokenizer", let config = json["config"] else {
            throw FerryError(
                .json, found: "\(json.kind) that is no tokenizer", expected: "the JSON of Keras's Tokenizer")
        }
        func members(_ key: String) throws -> OrderedDictionary<String, Int> {
            guard let text = config[key]?.stringValue, let object = try JSONValue(parsing: text).objectValue else {
                throw FerryError(
                    .json, at: ["'\(key)'"], found: "\(config[key]?.kind ?? "nothing")", expected: "JSON text")
            }
            return object.compactMapValues(\.intValue)
        }
        guard config["split"]?.stringValue ?? " " == " " else {
            throw FerryError(.unsupported, at: ["'split'"], found: "\(config["split"] ?? .null)", expected: "\" \"")
        }
        self.init(
            config["char_level"]?.boolValue == true ? .character : .word, limit: config["num_words"]?.intValue,
            unknownToken: config["oov_token"]?.stringValue, lowercases: config["lower"]?.boolValue ?? true,
            filters: config["filters"]?.stringValue ?? "")
        documentCount = config["document_count"]?.intValue ?? 0
        counts = try members("word_counts")
        documents = try members("word_docs")
        ids = try members("word_index")
        index()
    }
}

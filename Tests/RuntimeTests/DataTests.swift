import Ferry
import FerryInterchange
import FerryTestSupport
import Testing

/// Data come out as pandas, scikit-learn and Keras make them; `fixtures/data/record.py` recorded how.
struct DataTests {
    private let recorded: JSONValue

    init() throws {
        recorded = try JSONValue(parsing: FileBytes.read("\(Fixture.root)/fixtures/data/data.json"))
    }

    @Test(arguments: [Scaler.Kind.minMax, .standard, .robust])
    func scalersAreThoseOfScikitLearn(_ kind: Scaler.Kind) throws {
        for (position, name) in ["column", "constant"].enumerated() {
            let column = numbers(recorded[name])
            let expected = numbers(recorded["scaled"]?[kind.rawValue]?[position])
            let scaler = try Scaler(kind, fitting: [column])
            expectClose(scaler.transform(column), expected)
            expectClose(scaler.inverse(expected), column)
            #expect(try Scaler(json: scaler.json) == scaler)
        }
    }

    @Test(arguments: [MissingValues.interpolate, .forward, .mean])
    func gapsAreFilledAsInPandas(_ rule: MissingValues) throws {
        let series = recorded["series"]?.arrayValue?.map(\.doubleValue) ?? []
        expectClose(try rule.filled(series), numbers(recorded["filled"]?[rule.rawValue]))
    }

    @Test func sequencesArePaddedAsInKeras() throws {
        let sequences = recorded["sequences"]?.arrayValue?.map { $0.arrayValue?.compactMap(\.intValue) ?? [] } ?? []
        let cases = try #require(recorded["padded"]?.arrayValue)
        for options in cases {
            let padded = Tensor(
                padding: sequences, length: options["length"]?.intValue, padding: try side(options["padding"]),
                truncating: try side(options["truncating"]), value: options["value"]?.intValue ?? 0)
            let rows = options["values"]?.arrayValue?.map { $0.arrayValue?.compactMap(\.intValue) ?? [] } ?? []
            #expect(padded.ints == rows.flatMap { $0 }, "\(options)")
            #expect(padded.shape == [rows.count, rows.first?.count ?? 0])
        }
    }

    @Test func windowsAreSlidingViews() throws {
        let series = (0..<9).map { Float($0) }
        let (x, y) = try Windows(3, horizon: 2, stride: 2).samples([series], target: series)
        #expect(x.floats.map(Double.init) == recorded["windows"]?["x"]?.arrayValue?.flatMap(numbers))
        #expect(y.floats.map(Double.init) == recorded["windows"]?["y"]?.arrayValue?.flatMap(numbers))
    }

    @Test func tokenizersAreThoseOfKeras() throws {
        let texts = recorded["texts"]?.arrayValue?.compactMap(\.stringValue) ?? []
        let asked = recorded["asked"]?.arrayValue?.compactMap(\.stringValue) ?? []
        for test in try #require(recorded["tokenizers"]?.arrayValue) {
            let options = try #require(test["options"])
            var own = Tokenizer(
                options["char_level"]?.boolValue == true ? .character : .word, limit: options["num_words"]?.intValue,
                unknownToken: options["oov_token"]?.stringValue, lowercases: options["lower"]?.boolValue ?? true)
            if let filters = options["filters"]?.stringValue { own.filters = filters }
            own.fit(texts)
            let json = try JSONValue(parsing: #require(test["json"]?.stringValue))
            let ids = test["ids"]?.arrayValue?.map { $0.arrayValue?.compactMap(\.intValue) ?? [] }
            for tokenizer in [own, try Tokenizer(json: json)] {
                #expect((texts + asked).map(tokenizer.encode) == ids, "\(options)")
            }
            #expect(own.json["config"]?["word_index"] == json["config"]?["word_index"], "\(options)")
            #expect(own.json["config"]?["word_counts"] == json["config"]?["word_counts"], "\(options)")
            // Keras lists these in the order of a set, which differs from run to run.
            #expect(try documents(own.json) == documents(json), "\(options)")
            #expect(try Tokenizer(json: own.json) == own, "\(options)")
        }
    }

    private func documents(_ json: JSONValue) throws -> [String: Int] {
        let text = try #require(json["config"]?["word_docs"]?.stringValue)
        let members = try JSONValue(parsing: text).objectValue ?? [:]
        return Dictionary(uniqueKeysWithValues: members.map { ($0.key, $0.value.intValue ?? 0) })
    }

    private func side(_ json: JSONValue?) throws -> Tensor.SequenceSide {
        try #require(json?.stringValue.flatMap(Tensor.SequenceSide.init(rawValue:)))
    }

    private func numbers(_ json: JSONValue?) -> [Double] { json?.arrayValue?.compactMap(\.doubleValue) ?? [] }

    private func expectClose(_ found: [Double], _ expected: [Double]) {
        #expect(found.count == expected.count)
        for (found, expected) in zip(found, expected) { #expect(abs(found - expected) < 1e-12) }
    }
}

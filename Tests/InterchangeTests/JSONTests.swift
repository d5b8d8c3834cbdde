import FerryEngine
import OrderedCollections
import Testing

@Suite struct JSONParserTests {
    @Test(
        arguments: [
            ("null", .null), (" true\n", .bool(true)), ("false", .bool(false)),
            ("0", .int(0)), ("-0", .int(0)), ("-0.0", .double(-0.0)), ("17", .int(17)), ("1.0", .double(1)),
            ("1e3", .double(1000)), ("1E+2", .double(100)), ("12.5e-1", .double(1.25)),
            ("9223372036854775807", .int(.max)), ("-9223372036854775808", .int(.min)),
            ("9223372036854775808", .double(9_223_372_036_854_775_808)),
            ("123456789012345678901234567890", .double(1.2345678901234568e29)),
            ("0.1", .double(0.1)), ("0.30000000000000004", .double(0.30000000000000004)),
            ("1.7976931348623157e308", .double(.greatestFiniteMagnitude)), ("5e-324", .double(.leastNonzeroMagnitude)),
            ("1e400", .double(.infinity)), ("-1e99999999999999999999", .double(-.infinity)), ("1e-400", .double(0)),
            ("Infinity", .double(.infinity)), ("-Infinity", .double(-.infinity)),
            ("\"\"", ""), ("\"größe\"", "größe"), (#""\"\\\/\b\f\n\r\t\u00e9""#, "\"\\/\u{8}\u{C}\n\r\té"),
            (#""\ud83d\ude00""#, "😀"), (#""\ud83d""#, "\u{FFFD}"), (#""\ude00x""#, "\u{FFFD}x"),
            (#""\ud83dx""#, "\u{FFFD}x"), (#""\ud83d\u0041""#, "\u{FFFD}A"), (#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
            ("[]", []), ("[ 1 , [2] ]", [1, [2]]), ("{}", [:]),
            (#"{"b": 1, "a": {"c": null}}"#, ["b": 1, "a": ["c": .null]]),
            (#"{"a": 1, "b": 2, "a": 3}"#, ["a": 3, "b": 2]),
            ("\u{FEFF}[1]", [1]),
        ] as [(String, JSONValue)]) func reads(text: String, value: JSONValue) throws
    {
        #expect(try JSONValue(parsing: text) == value)
    }

    @Test func readsNaN() throws { #expect(try JSONValue(parsing: "[NaN]")[0]?.doubleValue?.isNaN == true) }

    @Test func keepsTheOrderOfKeys() throws {
        let keys = (0..<100).map { "key\($0 * 7919 % 100)" }
        let text = "{" + keys.map { "\"\($0)\": 0" }.joined(separator: ",") + "}"
        #expect(try JSONValue(parsing: text).objectValue?.keys.elements == keys)
    }

    @Test(arguments: [
        ("", "line 1, column 1: found the end of the text; expected a value"),
        ("[1,\n 2,]", "line 2, column 4: found ']'; expected a value"),
        ("[1 2]", "line 1, column 4: found '2'; expected ',' or ']'"),
        ("{\"ä\": 1 x}", "line 1, column 9: found 'x'; expected ',' or '}'"),
        ("{a: 1}", "line 1, column 2: found 'a'; expected a key in double quotes"),
        ("{\"a\" 1}", "line 1, column 6: found '1'; expected ':'"),
        ("{\"a\": 1,}", "line 1, column 9: found '}'; expected a key in double quotes"),
        ("01", "line 1, column 2: found '1'; expected the end of the text"),
        ("1.", "line 1, column 2: found '.'; expected the end of the text"),
        ("1e", "line 1, column 2: found 'e'; expected the end of the text"),
        ("-", "line 1, column 2: found the end of the text; expected a digit"),
        ("+1", "line 1, column 1: found '+'; expected a value"),
        (".5", "line 1, column 1: found '.'; expected a value"),
        ("nul", "line 1, column 1: found 'n'; expected a value"),
        ("😀", "line 1, column 1: found '😀'; expected a value"),
        ("[\"abc", "line 1, column 2: the string that begins here does not end; '\"' was expected"),
        ("\"a\nb\"", "line 1, column 3: control character U+000A in a string; strings write it '\\u000A'"),
        ("\"\\x\"", "line 1, column 3: found 'x'; expected one of \"\\/bfnrtu after '\\'"),
        ("\"\\u12g4\"", "line 1, column 6: found 'g'; expected four hexadecimal digits after '\\u'"),
        ("\"\\ud83d\\u12\"", "line 1, column 12: found '\"'; expected four hexadecimal digits after '\\u'"),
        ("\"\\", "line 1, column 3: found the end of the text; expected a character after '\\'"),
    ]) func refuses(text: String, message: String) {
        #expect(sentence { _ = try JSONValue(parsing: text) } == message)
    }

    @Test func refusesOtherEncodings() {
        #expect(
            sentence { _ = try JSONValue(parsing: [0x5B, 0x22, 0xC3, 0x22, 0x5D]) }
                == "line 1, column 2: the string that begins here is not UTF-8")
    }

    @Test func limitsDepth() throws {
        let deepest = String(repeating: "[", count: 512) + String(repeating: "]", count: 512)
        #expect(try JSONValue(parsing: deepest).encoded() == deepest)
        #expect(
            sentence { _ = try JSONValue(parsing: String(repeating: "[", count: 1_000_000)) }
                == "line 1, column 513: nested deeper than 512 arrays and objects")
    }

    @Test func cutTextIsRefused() {
        let text = Array(#"{"a": [1.5e3, "b\u00e9", true], "c": {"d": null}}"#.utf8)
        for count in 0..<text.count {
            #expect(throws: FerryError.self) { _ = try JSONValue(parsing: Array(text.prefix(count))) }
        }
    }
}

@Suite struct JSONWriterTests {
    @Test(
        arguments: [
            (.null, "null"), (true, "true"), (-5, "-5"), ("", "\"\""), ([], "[]"), ([:], "{}"),
            ([1, "a", [:]], #"[1, "a", {}]"#), (["b": 1, "a": [2.5]], #"{"b": 1, "a": [2.5]}"#),
            ("\"\\/\u{8}\u{C}\n\r\t\u{1}\u{7F}é😀", #""\"\\/\b\f\n\r\t\u0001\u007f\u00e9\ud83d\ude00""#),
            (.double(.nan), "NaN"), (.double(.infinity), "Infinity"), (.double(-.infinity), "-Infinity"),
        ] as [(JSONValue, String)]) func writes(value: JSONValue, text: String)
    { #expect(value.encoded() == text) }

    @Test(arguments: [
        (0, "0.0"), (-0.0, "-0.0"), (1, "1.0"), (-1.5, "-1.5"), (0.1, "0.1"), (0.0001, "0.0001"), (0.00001, "1e-05"),
        (0.000123456, "0.000123456"), (1.5e-7, "1.5e-07"), (100, "100.0"), (123456.789, "123456.789"),
        (9_007_199_254_740_992, "9007199254740992.0"), (9_999_999_999_999_998, "9999999999999998.0"),
        (1e16, "1e+16"), (1.2e16, "1.2e+16"), (123_456_789_012_345_680, "1.2345678901234568e+17"), (1e22, "1e+22"),
        (1.7976931348623157e308, "1.7976931348623157e+308"), (.leastNonzeroMagnitude, "5e-324"),
        (2.2250738585072014e-308, "2.2250738585072014e-308"),
    ]) func writesNumbersAsPythonDoes(number: Double, text: String) {
        #expect(JSONValue.double(number).encoded() == text)
        #expect((try? JSONValue(parsing: text)) == .double(number))
    }

    @Test func indents() {
        let value: JSONValue = ["a": [1, []], "b": [:], "c": ["d": .null]]
        #expect(
            value.encoded(indent: 2) == """
                {
                  "a": [
                    1,
                    []
                  ],
                  "b": {},
                  "c": {
                    "d": null
                  }
                }
                """)
    }
}

@Suite struct JSONValueTests {
    @Test func accessors() {
        var value: JSONValue = ["name": "lstm", "units": 32.0, "rate": 2, "flags": [true, .null]]
        #expect(value["name"]?.stringValue == "lstm")
        #expect(value["units"]?.intValue == 32)
        #expect(JSONValue.double(0.5).intValue == nil && JSONValue.double(1e300).intValue == nil)
        #expect(value["rate"]?.doubleValue == 2)
        #expect(value["flags"]?[0]?.boolValue == true)
        #expect(value["flags"]?[1]?.isNull == true && value["flags"]?[2] == nil && value["flags"]?[-1] == nil)
        #expect(value["flags"]?.arrayValue?.count == 2 && value["name"]?["x"] == nil && value["other"] == nil)
        value["name"] = "gru"
        value["rate"] = nil
        value["new"] = .null
        #expect(value.description == #"{"name": "gru", "units": 32.0, "flags": [true, null], "new": null}"#)
        #expect(value.kind == "an object" && value["name"]?.kind == "a string")
    }
}

package import FerryEngine
import FerryInterchange
import OrderedCollections

/// Damages files as disks, networks and attackers do; the same seed gives the same damage.
package struct Mutator {
    private var random: RandomSource

    package init(seed: UInt64) { random = RandomSource(seed: seed) }

    /// A damaged copy of the file `bytes`: of its bytes, or of a member of the archive that it is, with right checksums.
    package mutating func mutant(of bytes: [UInt8]) -> [UInt8] {
        guard chance(3, of: 4), ZipArchive.isZip(bytes), var members = try? ZipArchive.read(bytes, names: .keys),
            let (name, content) = members.elements.randomElement(using: &random)
        else { return damaged(bytes) }
        members[name] = damaged(content)
        return (try? ZipArchive.bytes(of: members, names: .keys)) ?? damaged(bytes)
    }

    private mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
        if chance(1, of: 2), let text = text(in: bytes) { return rewritten(bytes, text) }
        var result = bytes
        let times = [1, 1, 1, 2, 3, 8].randomElement(using: &random) ?? 1
        for _ in 0..<times where result.count >= 16 { damage(&result) }
        return result
    }

    private mutating func damage(_ bytes: inout [UInt8]) {
        let place = place(in: bytes)
        let length = min(number(below: 64) + 1, bytes.count - place)
        switch number(below: 9) {
        case 0: bytes[place] ^= 1 << number(below: 8)
        case 1: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
        case 2 where chance(1, of: 3): bytes.removeLast(number(below: bytes.count))
        case 3: copy(&bytes, from: number(below: bytes.count), to: place, count: 4 * length)
        case 4: bytes.removeSubrange(place..<(place + length))
        case 5: bytes.insert(contentsOf: bytes[place..<(place + length)], at: place)
        case 6: set(&bytes, at: place, to: Self.extremes.randomElement(using: &random) ?? 0)
        default: step(&bytes, at: place)
        }
    }

    /// Puts an extreme number where a length, an offset or a count may be.
    private mutating func set(_ bytes: inout [UInt8], at place: Int, to number: UInt64) {
        let width = [1, 2, 4, 8].randomElement(using: &random) ?? 4
        let start = chance(1, of: 2) ? place / width * width : place
        let isBig = chance(1, of: 4)
        for i in 0..<min(width, bytes.count - start) {
            bytes[start + i] = UInt8(truncatingIfNeeded: number >> UInt64(8 * (isBig ? width - 1 - i : i)))
        }
    }

    /// Makes a number a little larger or smaller.
    private mutating func step(_ bytes: inout [UInt8], at place: Int) {
        let change: UInt8 = [1, 2, 16, 0xFF, 0xF0].randomElement(using: &random) ?? 1
        bytes[place] &+= change
    }

    private func copy(_ bytes: inout [UInt8], from source: Int, to target: Int, count: Int) {
        let count = min(count, bytes.count - max(source, target))
        bytes.replaceSubrange(target..<(target + count), with: Array(bytes[source..<(source + count)]))
    }

    /// The JSON inside a file: a configuration from its first brace to the end of its line or string.
    private func text(in bytes: [UInt8]) -> Range<Int>? {
        let openings = ["{\"class_name\"", "{\"module\"", "{\"name\"", "{\"keras_version\"", "{\"weight"].map {
            Array($0.utf8)
        }
        guard
            let start = bytes.indices.first(where: { i in
                bytes[i] == 0x7B && openings.contains { bytes[i...].starts(with: $0) }
            })
        else { return nil }
        let end = bytes[start...].firstIndex { $0 < 0x20 || $0 > 0x7E } ?? bytes.count
        return start..<end
    }

    /// The file with one number or word of its JSON replaced; as long as before, so that the rest stays in place.
    private mutating func rewritten(_ bytes: [UInt8], _ range: Range<Int>) -> [UInt8] {
        let words = Self.words(bytes, range)
        guard let word = words.randomElement(using: &random) else { return bytes }
        let value = chance(1, of: 3) ? words.randomElement(using: &random).map { Array(bytes[$0]) } : nil
        let replacement = value ?? Array((Self.values.randomElement(using: &random) ?? "0").utf8)
        let text = bytes[range.lowerBound..<word.lowerBound] + replacement + bytes[word.upperBound..<range.upperBound]
        let padded = text.prefix(range.count) + [UInt8](repeating: 0x20, count: max(0, range.count - text.count))
        return Array(bytes[..<range.lowerBound] + padded + bytes[range.upperBound...])
    }

    private static func words(_ bytes: [UInt8], _ range: Range<Int>) -> [Range<Int>] {
        func isPart(_ byte: UInt8) -> Bool { !":,[]{} ".utf8.contains(byte) }
        var words: [Range<Int>] = []
        var start: Int?
        for i in range {
            if isPart(bytes[i]) {
                start = start ?? i
            } else if let begin = start {
                words.append(begin..<i)
                start = nil
            }
        }
        return words
    }

    private mutating func place(in bytes: [UInt8]) -> Int {
        // The structure matters more than the weights, and lies in front.
        number(below: chance(2, of: 5) ? min(bytes.count, 4096) : bytes.count)
    }

    private mutating func number(below limit: Int) -> Int { Int.random(in: 0..<limit, using: &random) }
    private mutating func chance(_ count: Int, of all: Int) -> Bool { number(below: all) < count }

    private static let extremes: [UInt64] =
        [
            0, 1, 2, 255, 256, 65535, 1 << 16, 1 << 31 - 1, 1 << 31, 1 << 32 - 1, 1 << 32, 1 << 40, 1 << 62, 1 << 63,
            .max,
        ]
    private static let values = [
        "0", "-1", "1", "2", "7", "1000000000000", "1e308", "-9223372036854775808", "99999", "null", "\"x\"", "[]",
        "{}",
        "0.5", "65536", "2147483647", "true",
    ]
}

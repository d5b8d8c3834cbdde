/// The checksums of HDF5.
enum HDF5Checksum {
    /// Bob Jenkins's `lookup3` with the initial value 0, over metadata.
    static func lookup3(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var (a, b, c) = mixed(0xDEAD_BEEF &+ UInt32(truncatingIfNeeded: bytes.count))
        var rest = bytes[...]
        while rest.count > 12 {
            add(rest.prefix(12), &a, &b, &c)
            mix(&a, &b, &c)
            rest = rest.dropFirst(12)
        }
        guard !rest.isEmpty else { return c }
        add(rest, &a, &b, &c)
        finish(&a, &b, &c)
        return c
    }

    /// Fletcher's sums of 16-bit words, first byte high, as the filter of that name appends them.
    static func fletcher32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var (low, high): (UInt32, UInt32) = (0, 0)
        var index = 0
        while index + 1 < bytes.count {
            // After 360 words the sums could overflow.
            for _ in 0..<min(360, (bytes.count - index) / 2) {
                low += UInt32(bytes[index]) << 8 | UInt32(bytes[index + 1])
                high += low
                index += 2
            }
            (low, high) = (folded(low), folded(high))
        }
        if index < bytes.count {
            low += UInt32(bytes[index]) << 8
            high += low
            (low, high) = (folded(low), folded(high))
        }
        (low, high) = (folded(low), folded(high))
        return high << 16 | low
    }

    private static func folded(_ sum: UInt32) -> UInt32 { sum & 0xFFFF + sum >> 16 }

    private static func mixed(_ start: UInt32) -> (UInt32, UInt32, UInt32) { (start, start, start) }

    private static func add(
        _ bytes: Slice<UnsafeRawBufferPointer>, _ a: inout UInt32, _ b: inout UInt32, _ c: inout UInt32
    ) {
        for (index, byte) in bytes.enumerated() {
            let part = UInt32(byte) << (8 * UInt32(index & 3))
            switch index >> 2 {
            case 0: a &+= part
            case 1: b &+= part
            default: c &+= part
            }
        }
    }

    private static func mix(_ a: inout UInt32, _ b: inout UInt32, _ c: inout UInt32) {
        a &-= c; a ^= rotated(c, 4); c &+= b
        b &-= a; b ^= rotated(a, 6); a &+= c
        c &-= b; c ^= rotated(b, 8); b &+= a
        a &-= c; a ^= rotated(c, 16); c &+= b
        b &-= a; b ^= rotated(a, 19); a &+= c
        c &-= b; c ^= rotated(b, 4); b &+= a
    }

    private static func finish(_ a: inout UInt32, _ b: inout UInt32, _ c: inout UInt32) {
        c ^= b; c &-= rotated(b, 14)
        a ^= c; a &-= rotated(c, 11)
        b ^= a; b &-= rotated(a, 25)
        c ^= b; c &-= rotated(b, 16)
        a ^= c; a &-= rotated(c, 4)
        b ^= a; b &-= rotated(a, 14)
        c ^= b; c &-= rotated(b, 24)
    }

    private static func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 { word << count | word >> (32 - count) }
}

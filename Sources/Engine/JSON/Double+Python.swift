extension Double {
    /// The shortest text that reads back as this number, laid out as Python's `repr` does.
    public var pythonDescription: String {
        guard isFinite else { return isNaN ? "nan" : self < 0 ? "-inf" : "inf" }
        var bytes: [UInt8] = []
        appendPythonDescription(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends ``pythonDescription`` of a finite number.
    func appendPythonDescription(to bytes: inout [UInt8]) {
        let (digits, point) = shortestDigits
        if sign == .minus { bytes.append(minusSign) }
        // Where `repr` changes from one layout to the other.
        if -4 < point && point <= 16 {
            appendPositional(digits, point, to: &bytes)
        } else {
            appendScientific(digits, point - 1, to: &bytes)
        }
    }

    /// The shortest significant digits and how many of them stand before the decimal point (may be negative).
    private var shortestDigits: (digits: ArraySlice<UInt8>, point: Int) {
        var digits: [UInt8] = []
        var point: Int?
        var exponent: [UInt8]?
        for byte in magnitude.description.utf8 {
            if exponent != nil {
                exponent?.append(byte)
            } else if byte == UInt8(ascii: "e") {
                exponent = []
            } else if byte == decimalPoint {
                point = digits.count
            } else {
                digits.append(byte)
            }
        }
        let whole = point ?? digits.count
        let power = exponent.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
        let leading = digits.prefix { $0 == digitZero }.count
        guard leading < digits.count else { return ([digitZero], 1) }
        while digits.last == digitZero { digits.removeLast() }
        return (digits[leading...], whole + power - leading)
    }

    private func appendPositional(_ digits: ArraySlice<UInt8>, _ point: Int, to bytes: inout [UInt8]) {
        if point > 0 {
            bytes += digits.prefix(point)
            bytes += repeatElement(digitZero, count: max(point - digits.count, 0))
        } else {
            bytes.append(digitZero)
        }
        bytes.append(decimalPoint)
        bytes += repeatElement(digitZero, count: max(-point, 0))
        let fraction = digits.dropFirst(max(point, 0))
        if fraction.isEmpty { bytes.append(digitZero) } else { bytes += fraction }
    }

    private func appendScientific(_ digits: ArraySlice<UInt8>, _ exponent: Int, to bytes: inout [UInt8]) {
        bytes += digits.prefix(1)
        if digits.count > 1 {
            bytes.append(decimalPoint)
            bytes += digits.dropFirst()
        }
        bytes.append(UInt8(ascii: "e"))
        bytes.append(exponent < 0 ? minusSign : UInt8(ascii: "+"))
        if abs(exponent) < 10 { bytes.append(digitZero) }
        bytes += String(abs(exponent)).utf8
    }
}

private let digitZero = UInt8(ascii: "0")
private let decimalPoint = UInt8(ascii: ".")
private let minusSign = UInt8(ascii: "-")

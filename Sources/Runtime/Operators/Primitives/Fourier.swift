package import FerryEngine

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The discrete Fourier transform along an axis (ONNX `DFT`); the last axis holds real and imaginary part.
///
/// Inputs: x […, 1 or 2], then what is computed of the length and of the axis.
package struct Fourier: TensorFunction, Hashable {
    package static let kind = "Fourier"
    /// The axis; nil where an input says it.
    package var axis: Integers
    /// The length of the transform; nil takes that of the axis.
    package var length: Integers?
    package var isInverse: Bool
    /// Whether a real signal's spectrum is only its first half.
    package var isOneSided: Bool

    package init(axis: Integers, length: Integers?, isInverse: Bool, isOneSided: Bool) {
        self.axis = axis
        self.length = length
        self.isInverse = isInverse
        self.isOneSided = isOneSided
    }

    package var arity: ClosedRange<Int> {
        let count = 1 + ([axis.slot, length?.slot].compactMap { $0 }.max() ?? 0)
        return count...count
    }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        var type = inputs[0]
        guard type.rank >= 2, type.dtype.isFloat, [nil, 1, 2].contains(type.shape[type.rank - 1].length) else {
            throw FerryError(.shape, found: "input \(type)", expected: "[…, 1 or 2] of floats")
        }
        type.shape[type.rank - 1] = isInverse && isOneSided ? 1 : 2
        guard let axis = axis.values?.first else {
            return [type.with(shape: type.shape.dropLast().map { _ in .unknown } + [type.shape[type.rank - 1]])]
        }
        let resolved = try checkedAxis(axis, rank: type.rank)
        let given = type.shape[resolved].length.map { isInverse && isOneSided ? 2 * ($0 - 1) : $0 }
        let size = length == nil ? given : length?.values?.first
        type.shape[resolved] = size.map { .fixed(isOneSided && !isInverse ? $0 / 2 + 1 : $0) } ?? .unknown
        return [type]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let x = inputs[0]
        func given(_ integers: Integers) -> Int? {
            integers.slot.map { inputs[$0].ints.first } ?? integers.values?.first
        }
        let axis = try checkedAxis(given(axis) ?? -2, rank: x.rank)
        guard axis < x.rank - 1 else {
            throw FerryError(.shape, found: "axis \(axis)", expected: "one before the last")
        }
        let fromHalf = isInverse && isOneSided
        let size = length.flatMap(given) ?? (fromHalf ? 2 * (x.shape[axis] - 1) : x.shape[axis])
        guard 1..<(1 << 24) ~= size else {
            throw FerryError(.range, found: "a length of \(size)", expected: "1 or more")
        }
        let kept = isOneSided && !isInverse ? size / 2 + 1 : size
        let parts = x.shape[x.rank - 1]
        // [lines, length, parts] with the axis last but one.
        let order = (0..<x.rank).filter { $0 != axis && $0 != x.rank - 1 } + [axis, x.rank - 1]
        let lines = x.transposed(order)
        let values = lines.doubles
        let (count, available) = (lines.shape.dropLast(2).reduce(1, *), x.shape[axis])
        let plan = FourierPlan(size, isInverse: isInverse)
        let width = fromHalf ? 1 : 2
        var result = [Double](repeating: 0, count: count * kept * width)
        for line in 0..<count {
            var signal = (0..<size).map { i -> Complex in
                guard i < available else { return Complex() }
                let at = (line * available + i) * parts
                return Complex(values[at], parts == 2 ? values[at + 1] : 0)
            }
            // The other half of a real signal's spectrum mirrors the first.
            if fromHalf { for i in (size / 2 + 1)..<max(size, size / 2 + 1) { signal[i] = signal[size - i].conjugate } }
            for (k, value) in plan.transformed(signal).prefix(kept).enumerated() {
                result[(line * kept + k) * width] = value.real
                if width == 2 { result[(line * kept + k) * 2 + 1] = value.imaginary }
            }
        }
        let shape = lines.shape.dropLast(2) + [kept, width]
        let back = (0..<x.rank).map { axis in order.firstIndex(of: axis) ?? 0 }
        return [Tensor(result, shape: Array(shape), dtype: x.dtype).transposed(back)]
    }
}

/// The transforms of a window that slides over a signal (ONNX `STFT`).
///
/// Inputs: the signal [batch, time, 1 or 2], the step, optionally the window and its length.
/// Output: [batch, frames, frequencies, 2].
package struct ShortTimeFourier: TensorFunction, Hashable {
    package static let kind = "ShortTimeFourier"
    /// Whether only the first half of the frequencies comes out.
    package var isOneSided: Bool
    /// The step and the length, where they are known.
    package var step: Int?
    package var length: Int?

    package init(isOneSided: Bool, step: Int?, length: Int?) {
        self.isOneSided = isOneSided
        self.step = step
        self.length = length
    }

    package var arity: ClosedRange<Int> { 2...4 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let x = inputs[0]
        guard x.rank == 3, x.dtype.isFloat else {
            throw FerryError(.shape, found: "a signal \(x)", expected: "[batch, time, 1 or 2] of floats")
        }
        let known = length ?? inputs[optional: 2]?.shape.first?.length
        let bins = known.map { Dimension.fixed(isOneSided ? $0 / 2 + 1 : $0) } ?? .unknown
        var frames = Dimension.unknown
        if let time = x.shape[1].length, let known, let step, step > 0, known > 0, time >= known {
            frames = .fixed((time - known) / step + 1)
        }
        return [x.with(shape: [x.shape[0], frames, bins, 2])]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let (x, window) = (inputs[0], inputs[optional: 2]?.doubles)
        let step = try inputs[1].scalarInt("a step")
        let size = try inputs[optional: 3]?.scalarInt("a length") ?? window?.count ?? x.shape[1]
        guard step > 0, 1...max(x.shape[1], 1) ~= size, window.map({ $0.count == size }) ?? true else {
            throw FerryError(
                .range, found: "steps of \(step), frames of \(size), a window of \(window?.count ?? size)",
                expected: "positive steps, and frames inside the signal as long as the window")
        }
        let (batch, time, parts) = (x.shape[0], x.shape[1], x.shape[2])
        let frames = (time - size) / step + 1
        let bins = isOneSided ? size / 2 + 1 : size
        _ = try checkedShape([batch, frames, bins, 2])
        let values = x.doubles
        let plan = FourierPlan(size, isInverse: false)
        var result: [Double] = []
        result.reserveCapacity(batch * frames * bins * 2)
        for sample in 0..<batch {
            for frame in 0..<frames {
                let signal = (0..<size).map { i -> Complex in
                    let (at, factor) = ((sample * time + frame * step + i) * parts, window?[i] ?? 1)
                    return Complex(values[at] * factor, parts == 2 ? values[at + 1] * factor : 0)
                }
                for value in plan.transformed(signal).prefix(bins) { result += [value.real, value.imaginary] }
            }
        }
        return [Tensor(result, shape: [batch, frames, bins, 2], dtype: x.dtype)]
    }
}

/// A complex number.
private struct Complex {
    var real = 0.0
    var imaginary = 0.0

    init(_ real: Double = 0, _ imaginary: Double = 0) {
        self.real = real
        self.imaginary = imaginary
    }

    var conjugate: Complex { Complex(real, -imaginary) }
    static func + (a: Complex, b: Complex) -> Complex { Complex(a.real + b.real, a.imaginary + b.imaginary) }
    static func - (a: Complex, b: Complex) -> Complex { Complex(a.real - b.real, a.imaginary - b.imaginary) }
    static func * (a: Complex, b: Complex) -> Complex {
        Complex(a.real * b.real - a.imaginary * b.imaginary, a.real * b.imaginary + a.imaginary * b.real)
    }
}

/// The roots of unity for transforms of one length.
private struct FourierPlan {
    private let size: Int
    private let isInverse: Bool
    private let roots: [Complex]

    init(_ size: Int, isInverse: Bool) {
        self.size = size
        self.isInverse = isInverse
        let sign = isInverse ? 1.0 : -1.0
        roots = (0..<size).map { k in
            let angle = sign * 2 * Double.pi * Double(k) / Double(size)
            return Complex(cos(angle), sin(angle))
        }
    }

    func transformed(_ signal: [Complex]) -> [Complex] {
        let result = size & (size - 1) == 0 ? halving(signal, stride: 1) : plain(signal)
        return isInverse ? result.map { Complex($0.real / Double(size), $0.imaginary / Double(size)) } : result
    }

    private func plain(_ signal: [Complex]) -> [Complex] {
        (0..<size).map { k in
            var (sum, place) = (Complex(), 0)
            for value in signal {
                sum = sum + value * roots[place]
                place += k
                if place >= size { place -= size }
            }
            return sum
        }
    }

    /// Cooley and Tukey, "An algorithm for the machine calculation of complex Fourier series" (1965).
    private func halving(_ signal: [Complex], stride step: Int) -> [Complex] {
        guard signal.count > 1 else { return signal }
        let half = signal.count / 2
        let even = halving((0..<half).map { signal[2 * $0] }, stride: 2 * step)
        let odd = halving((0..<half).map { signal[2 * $0 + 1] }, stride: 2 * step)
        let turned = (0..<half).map { roots[$0 * step] * odd[$0] }
        return (0..<half).map { even[$0] + turned[$0] } + (0..<half).map { even[$0] - turned[$0] }
    }
}

/// A window of a0 − a1 cos(2πn/N) + a2 cos(4πn/N) (ONNX `HannWindow`, `HammingWindow`, `BlackmanWindow`).
///
/// Input: the number of elements, a scalar.
package struct SignalWindow: TensorFunction, Hashable {
    package static let kind = "SignalWindow"
    /// a0, a1, a2.
    package var coefficients: [Double]
    /// Whether N is the number of elements, else one less.
    package var isPeriodic: Bool
    package var dtype: DType

    package init(_ coefficients: [Double], isPeriodic: Bool, dtype: DType) {
        self.coefficients = coefficients
        self.isPeriodic = isPeriodic
        self.dtype = dtype
    }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] { [ValueType(dtype, [.unknown])] }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let size = try inputs[0].scalarInt("a size")
        let shape = try checkedShape([size])
        let period = Double(isPeriodic ? size : size - 1)
        let values = (0..<size).map { n -> Double in
            let angle = period > 0 ? 2 * Double.pi * Double(n) / period : 0
            return coefficients[0] - coefficients[1] * cos(angle) + coefficients[2] * cos(2 * angle)
        }
        return [Tensor(values, shape: shape, dtype: dtype)]
    }
}

/// The triangles that turn a spectrum into one on the mel scale (ONNX `MelWeightMatrix`).
///
/// Inputs, all scalars: how many triangles, the length of the transform, samples a second, the lowest and the highest
/// frequency. Output: [length / 2 + 1, triangles].
package struct MelWeights: TensorFunction, Hashable {
    package static let kind = "MelWeights"
    package var dtype: DType

    package init(dtype: DType) { self.dtype = dtype }

    package var arity: ClosedRange<Int> { 5...5 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        [ValueType(dtype, [.unknown, .unknown])]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let (bands, length) = (try inputs[0].scalarInt("a number of bands"), try inputs[1].scalarInt("a length"))
        let rate = try inputs[2].scalarDouble("a sample rate")
        let (low, high) = (try inputs[3].scalarDouble("a frequency"), try inputs[4].scalarDouble("a frequency"))
        guard bands >= 0, length >= 0, rate > 0 else {
            throw FerryError(.range, found: "\(bands) bands of \(length) at \(rate)", expected: "positive numbers")
        }
        let shape = try checkedShape([length / 2 + 1, bands])
        func mel(_ frequency: Double) -> Double { 2595 * log10(1 + frequency / 700) }
        // As the standard's own implementation has it, one step more than there are edges between.
        let step = (mel(high) - mel(low)) / Double(bands + 2)
        let edges = (0..<(bands + 2)).map { i -> Int in
            let frequency = 700 * (pow(10, (mel(low) + Double(i) * step) / 2595) - 1)
            return Int((Double(length + 1) * frequency / rate).rounded(.down))
        }
        var values = [Double](repeating: 0, count: shape.product)
        for band in 0..<bands {
            let (start, peak, end) = (edges[band], edges[band + 1], edges[band + 2])
            if start == peak {
                if 0..<shape[0] ~= peak { values[peak * bands + band] = 1 }
            } else {
                for k in start...peak where 0..<shape[0] ~= k {
                    values[k * bands + band] = Double(k - start) / Double(peak - start)
                }
            }
            for k in peak..<max(end, peak) where 0..<shape[0] ~= k {
                values[k * bands + band] = Double(end - k) / Double(end - peak)
            }
        }
        return [Tensor(values, shape: shape, dtype: dtype)]
    }
}

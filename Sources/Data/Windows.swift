public import FerryEngine

/// Cuts series into samples: a window of time steps, and the values that follow it.
public struct Windows: Sendable, Equatable {
    /// How many time steps a sample sees.
    public var length: Int
    /// How many steps behind the window are its target.
    public var horizon: Int
    /// How many steps lie between the starts of two windows.
    public var stride: Int

    /// Windows of `length` steps, with the next `horizon` steps as target.
    public init(_ length: Int, horizon: Int = 1, stride: Int = 1) {
        self.length = length
        self.horizon = horizon
        self.stride = stride
    }

    /// How many samples series of `count` steps give.
    public func sampleCount(_ count: Int) -> Int {
        let room = count - length - horizon
        return room < 0 || stride < 1 ? 0 : room / stride + 1
    }

    /// The windows of `features` and the steps of `target` behind them.
    ///
    /// - Parameters:
    ///   - features: one series for each feature.
    ///   - target: the series to predict.
    /// - Returns: x [samples, length, features] and y [samples, horizon].
    /// - Throws: ``FerryError/Code/range`` where the series are too short or not equally long.
    public func samples(_ features: [[Float]], target: [Float]) throws -> (x: Tensor, y: Tensor) {
        guard length > 0, horizon > 0, stride > 0 else {
            throw FerryError(
                .range, found: "window \(length), horizon \(horizon), stride \(stride)", expected: "positive numbers")
        }
        guard features.allSatisfy({ $0.count == target.count }), !features.isEmpty else {
            throw FerryError(
                .range, found: "series of \(features.map(\.count)) and \(target.count) steps",
                expected: "series that are equally long")
        }
        let samples = sampleCount(target.count)
        guard samples > 0 else {
            throw FerryError(
                .range, found: "\(target.count) time steps",
                expected: "at least \(length + horizon): a window of \(length) and a horizon of \(horizon)",
                remedy: "make the window shorter, or give more data")
        }
        let x = Tensor(shape: [samples, length, features.count], of: Float.self) { x in
            for sample in 0..<samples {
                for step in 0..<length {
                    for (feature, series) in features.enumerated() {
                        x[(sample * length + step) * features.count + feature] = series[sample * stride + step]
                    }
                }
            }
        }
        let y = Tensor(shape: [samples, horizon], of: Float.self) { y in
            for sample in 0..<samples {
                for step in 0..<horizon { y[sample * horizon + step] = target[sample * stride + length + step] }
            }
        }
        return (x, y)
    }
}

/// Where a series is cut into parts for training, validation and test, in the order of time.
public struct TimeSplit: Sendable, Equatable {
    public let training: Range<Int>
    public let validation: Range<Int>
    public let test: Range<Int>

    /// Cuts `count` steps; what validation and test do not take is for training.
    ///
    /// - Throws: ``FerryError/Code/range`` where nothing is left for training.
    public init(_ count: Int, validation: Double = 0, test: Double = 0) throws {
        let testCount = Int(Double(count) * test)
        let validationCount = Int(Double(count) * validation)
        let boundary = count - testCount - validationCount
        guard validation >= 0, test >= 0, boundary > 0 else {
            throw FerryError(
                .range, found: "shares \(validation) for validation and \(test) for test of \(count) steps",
                expected: "shares that leave something for training")
        }
        training = 0..<boundary
        self.validation = boundary..<(boundary + validationCount)
        self.test = (boundary + validationCount)..<count
    }
}

import FerryEngine

/// One line of a chart: a value for each place, counted from 1.
struct ChartLine {
    let name: String
    let values: [Double]
    let color: String

    init(_ name: String, _ values: [Double], color: String) {
        self.name = name
        self.values = values
        self.color = color
    }
}

/// Lines over a common axis, drawn as SVG.
struct Chart {
    private let lines: [ChartLine]
    private let axis: String
    private let isLogarithmic: Bool
    private let range: ClosedRange<Double>
    private let count: Int
    private let width = 820.0
    private let height = 320.0
    /// Room for the numbers on the left, above, and for those below.
    private let left = 70.0
    private let top = 14.0
    private let bottom = 42.0

    /// A chart whose values are shown by their logarithms where that is asked for and possible.
    init(_ lines: [ChartLine], axis: String, isLogarithmic: Bool) {
        self.lines = lines
        self.axis = axis
        let values = lines.flatMap(\.values).filter(\.isFinite)
        self.isLogarithmic = isLogarithmic && !values.isEmpty && values.allSatisfy { $0 > 0 }
        let shown = self.isLogarithmic ? values.map(logarithm) : values
        let (low, high) = (shown.min() ?? 0, shown.max() ?? 1)
        let margin = high > low ? (high - low) * 0.05 : 0.5
        range = (low - margin)...(high + margin)
        count = max(lines.map(\.values.count).max() ?? 0, 2)
    }

    /// The drawing.
    var svg: String {
        """
        <svg viewBox="0 0 \(Int(width)) \(Int(height))" role="img">
        \(grid)
        \(lines.map(path).joined(separator: "\n"))
        \(legend)
        </svg>
        """
    }

    private var grid: String {
        let horizontal = (0...4).map { step in
            let share = Double(step) / 4
            let value = range.lowerBound + (range.upperBound - range.lowerBound) * share
            let shown = isLogarithmic ? exponential(value) : value
            let y = place(value)
            return "<line x1=\"\(left)\" x2=\"\(width)\" y1=\"\(y)\" y2=\"\(y)\" stroke=\"#ddd\"/>"
                + "<text x=\"\(left - 8)\" y=\"\(y + 4)\" text-anchor=\"end\">\(shown.short)</text>"
        }
        let ticks = Set([1, (count + 1) / 2, count]).sorted().map { index in
            "<text x=\"\(x(index - 1))\" y=\"\(height - bottom + 18)\" text-anchor=\"middle\">\(index)</text>"
        }
        let label =
            "<text x=\"\((left + width) / 2)\" y=\"\(height - 6)\" text-anchor=\"middle\">\(axis.escaped)</text>"
        return (horizontal + ticks + [label]).joined(separator: "\n")
    }

    private func path(_ line: ChartLine) -> String {
        let points = line.values.enumerated().filter { $1.isFinite }.map { index, value in
            "\(x(index).short),\(place(isLogarithmic ? logarithm(value) : value).short)"
        }
        return
            "<polyline fill=\"none\" stroke=\"\(line.color)\" stroke-width=\"1.8\" points=\"\(points.joined(separator: " "))\"/>"
    }

    private var legend: String {
        lines.enumerated().map { index, line in
            let x = width - 110
            let y = top + 6 + 18 * Double(index)
            return
                "<line x1=\"\(x)\" x2=\"\(x + 22)\" y1=\"\(y)\" y2=\"\(y)\" stroke=\"\(line.color)\" stroke-width=\"2.5\"/>"
                + "<text x=\"\(x + 28)\" y=\"\(y + 4)\">\(line.name.escaped)</text>"
        }.joined(separator: "\n")
    }

    private func x(_ index: Int) -> Double { left + (width - left - 10) * Double(index) / Double(count - 1) }

    private func place(_ value: Double) -> Double {
        let share = (value - range.lowerBound) / (range.upperBound - range.lowerBound)
        return height - bottom - (height - bottom - top) * share
    }
}

extension Double {
    /// Four digits, without zeros at the end.
    var short: String {
        guard isFinite, self != 0 else { return "0" }
        let magnitude = (logarithm(abs(self)) / logarithm(10)).rounded(.down)
        let digits = 3 - Int(magnitude)
        guard digits < 8, abs(self) < 1e7 else { return "\(Float(self))" }
        let factor = (0..<max(digits, 0)).reduce(1.0) { power, _ in power * 10 }
        let rounded = (self * factor).rounded() / factor
        return rounded == rounded.rounded() && abs(rounded) < 1e15 ? "\(Int(rounded))" : "\(rounded)"
    }
}

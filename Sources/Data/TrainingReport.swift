public import FerryRuntime

/// A page that shows how training went: loss curves, and predictions beside what really was; one file without links.
public struct TrainingReport: Sendable {
    /// What stands at the top.
    public var title: String
    public var history: TrainingHistory
    /// Predictions and what really was, in the units of the data; empty where there are none to show.
    public var predictions: (predicted: [Double], actual: [Double]) = ([], [])
    /// Facts shown in a table, such as the number of samples.
    public var facts: [(name: String, value: String)] = []

    /// A report of one training.
    public init(title: String, history: TrainingHistory) {
        self.title = title
        self.history = history
    }

    /// The page.
    public var html: String {
        var sections = [figure("Loss", "epoch", lossLines, isLogarithmic: true)]
        if !predictions.actual.isEmpty {
            let lines = [
                ChartLine("actual", predictions.actual, color: "#555555"),
                ChartLine("predicted", predictions.predicted, color: "#d1495b"),
            ]
            sections.append(figure("Predictions on the last data", "time step", lines, isLogarithmic: false))
        }
        let rows = facts.map { "<tr><th>\($0.name.escaped)</th><td>\($0.value.escaped)</td></tr>" }.joined()
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>\(title.escaped)</title>
            <style>
            body { font: 15px/1.5 system-ui, sans-serif; max-width: 860px; margin: 2em auto; padding: 0 1em; color: #222 }
            h1 { font-size: 1.4em } h2 { font-size: 1.1em; margin: 1.6em 0 .4em }
            table { border-collapse: collapse } th { text-align: left; font-weight: 600; padding-right: 1.5em }
            svg { width: 100%; height: auto } text { font: 12px system-ui, sans-serif; fill: #444 }
            </style></head><body>
            <h1>\(title.escaped)</h1>
            <table>\(rows)</table>
            \(sections.joined(separator: "\n"))
            </body></html>

            """
    }

    private var lossLines: [ChartLine] {
        let validation = history.values("val_loss")
        return [ChartLine("training", history.losses, color: "#2e6fab")]
            + (validation.isEmpty ? [] : [ChartLine("validation", validation, color: "#e08e0b")])
    }

    private func figure(_ title: String, _ axis: String, _ lines: [ChartLine], isLogarithmic: Bool) -> String {
        let chart = Chart(lines, axis: axis, isLogarithmic: isLogarithmic)
        return "<h2>\(title.escaped)</h2>\n\(chart.svg)"
    }
}

extension String {
    /// The text with the characters that mean something in HTML replaced.
    var escaped: String {
        reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
    }
}

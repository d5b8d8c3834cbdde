import FerryEngine
package import FerryRuntime
import OrderedCollections

extension RNN: KerasLayer {
    package static let kerasClasses = ["RNN"]
    /// The classes of cells, which Keras names after the layers that run them alone.
    private static let cellClasses = ["LSTMCell": "LSTM", "GRUCell": "GRU", "SimpleRNNCell": "SimpleRNN"]

    package init(keras config: inout KerasConfig) throws {
        guard let json = config.take("cell") else {
            throw FerryError(.missingKey, found: "no setting 'cell'", expected: "one or several cells")
        }
        let (className, settings) = try KerasRecord.classAndSettings(json)
        let isStacked = className == "StackedRNNCells"
        let cells = isStacked ? settings["cells"]?.arrayValue ?? [] : [json]
        guard !cells.isEmpty else { throw FerryError(.damagedFile, found: "no cells", expected: "at least one") }
        self.init(
            try cells.map { try Self.cell($0, version: config.version, context: config.context) }, isStacked: isStacked)
        options = try RecurrentOptions(keras: &config)
        let isReversed =
            settings["reverse_state_order"]?.boolValue
            ?? (config.version < KerasVersion(2, 2) && !config.version.isInTensorFlow)
        guard !isStacked || !isReversed || !options.returnState else {
            throw FerryError(
                .unsupported, found: "the states of stacked cells in reverse order", expected: "in the cells' order",
                remedy: "build it with reverse_state_order=False")
        }
        config.ignore("num_constants")
    }

    private static func cell(
        _ json: JSONValue, version: KerasVersion, context: KerasContext
    ) throws -> any RecurrentOperator {
        let className = try KerasRecord.classAndSettings(json).className
        guard let layer = cellClasses[className] else {
            throw FerryError(
                .unsupported, found: "a cell of class \(className)",
                expected: cellClasses.keys.sorted().joined(separator: ", ") + " or StackedRNNCells")
        }
        var json = json
        json["class_name"] = .string(layer)
        let record = try KerasRecord(json, version: version, context: context)
        guard let cell = record.layer.operation as? any RecurrentOperator else {
            throw FerryError(
                .unsupported, found: "a cell of class \(className)", expected: "one that runs step by step")
        }
        return cell
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        let inner = try cells.map { cell in
            guard let (layer, _) = Self.cellClasses.first(where: { $1 == cell.kind }) else {
                throw FerryError(.unsupported, found: "a cell \(cell.kind)", expected: "a cell that Keras has")
            }
            return try version.cell(cell, className: layer)
        }
        let stack = version.object(
            "StackedRNNCells", module: "keras.layers", ["name": "stacked_rnn_cells", "cells": .array(inner)])
        let own = try options.kerasSettings(version).filter {
            !["dropout", "recurrent_dropout", "implementation"].contains($0.name)
        }
        return own + [("cell", isStacked ? stack : inner[0])]
    }

    package func kerasVariables(_ specs: [ParameterSpec]) -> [KerasVariableGroup] {
        guard isStacked else { return [KerasVariableGroup("cell", specs.map(\.name))] }
        var counts: [String: Int] = [:]
        return cells.enumerated().map { position, cell in
            let name = "\(cell.kind)Cell".snakeCased
            let number = counts[name, default: 0]
            counts[name] = number + 1
            let inner = specs.inside(scope(position)).map { "\(scope(position))/\($0.name)" }
            return KerasVariableGroup("cell/cells/" + (number == 0 ? name : "\(name)_\(number)"), inner)
        }
    }
}

extension KerasVersion {
    /// A cell as an object: the layer that runs it alone without what concerns the run.
    fileprivate func cell(_ cell: any RecurrentOperator, className: String) throws -> JSONValue {
        let ofTheRun = [
            "return_sequences", "return_state", "go_backwards", "stateful", "unroll", "time_major",
            "zero_output_for_mask",
        ]
        var json = try layer(cell, name: className.snakeCased)
        json["class_name"] = .string(className)
        let settings = json["config"]?.objectValue?.filter { !ofTheRun.contains($0.key) } ?? [:]
        json["config"] = .object(settings)
        return json
    }
}

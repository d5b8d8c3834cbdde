package import FerryEngine

/// What was recognised in the nodes of a file, and what stayed as it is.
public struct LiftReport: Sendable, Hashable {
    /// What was done how often, in the order in which it was first done.
    public struct Step: Sendable, Hashable {
        /// What a pass does, such as `recognise products with constant matrices as Dense`.
        public let summary: String
        /// How often it did.
        public internal(set) var count: Int
    }

    /// A node that no layer means the same as.
    public struct Remainder: Sendable, Hashable {
        /// The node's name.
        public let name: String
        /// What it computes.
        public let kind: String
        /// Why it is no layer.
        public let reason: String
    }

    /// What was recognised.
    public internal(set) var steps: [Step] = []
    /// What is left; nodes that compute shapes only are not among them.
    public internal(set) var remainders: [Remainder] = []

    mutating func add(_ pass: any Pass.Type) {
        if let index = steps.firstIndex(where: { $0.summary == pass.summary }) {
            steps[index].count += 1
        } else {
            steps.append(Step(summary: pass.summary, count: 1))
        }
    }
}

extension GraphDraft {
    /// What the passes did, and what they left.
    package func liftReport() -> LiftReport {
        var report = lifted
        let layers = Set(OperatorCatalogue.all.map { $0.kind })
        report.remainders = nodes.filter { node in
            !layers.contains(node.layer.operation.kind)
                && node.outputs.contains { type(of: $0).dtype.isFloat }
        }.map { node in
            LiftReport.Remainder(
                name: node.layer.name, kind: node.layer.operation.kind,
                reason: LiftLoop.obstacle(node, self) ?? "no layer means the same")
        }
        return report
    }
}

extension LiftLoop {
    /// Why a loop is no recurrent layer; nil for other nodes.
    static func obstacle(_ node: GraphDraft.Node, _ draft: GraphDraft) -> String? {
        var rounds: Rounds?
        switch node.layer.operation {
        case let loop as Loop:
            rounds = try? Rounds(loop, node, in: draft)
            if rounds == nil { return "it may stop for another reason than the end of a sequence" }
        case let scan as Scan: rounds = try? Rounds(scan, node, in: draft)
        default: return nil
        }
        guard let rounds else { return "its rounds could not be read" }
        if Recurrence(rounds, draft) == nil { return "its rounds are not the steps of an LSTM, GRU or SimpleRNN" }
        return "a result of it is none of the layer's"
    }
}

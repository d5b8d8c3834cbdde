import FerryEngine

/// Steps of a recurrent cell that are written out one after another are a recurrent layer.
enum LiftUnrolled: Pass {
    static let summary = "recognise steps of a recurrent cell that are written out as recurrent layers"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let tracer = ColumnTracer(draft: draft)
        guard let output = tracer.all(draft.nodes[index].outputs[0]),
            let match = CellMatcher(tracer: tracer, isState: { $0.step == nil }).match(output)
        else { return false }
        let sources = [match.states[0], match.input]
        for state in sources {
            guard let first = CellMatcher(tracer: tracer, isState: { $0 == state }).match(output),
                first.states[0] == state
            else { continue }
            guard var chain = StepChain(first, tracer) else { continue }
            chain.extend(from: index)
            if try chain.replace(in: &draft) { return true }
        }
        return false
    }
}

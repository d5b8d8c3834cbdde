import FerryEngine

/// Recognises one idiom of nodes and puts a simpler one in its place; what a graph computes stays the same.
package protocol Pass: Sendable {
    /// What it does, in a few words.
    static var summary: String { get }

    /// Rewrites the idiom that ends at a node.
    ///
    /// - Returns: whether it did.
    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool
}

/// Every pass.
package enum PassCatalogue {
    /// The passes, in the order in which they are tried; each of them again until none finds anything.
    package static let all: [any Pass.Type] = [
        FoldConstants.self, DropNeutral.self, SinkFactors.self,
        // Axes
        SimplifyTransposes.self, SimplifySqueezes.self, SimplifyMoves.self, NarrowRepeats.self, LiftReverse.self,
        SimplifyReversals.self,
        LiftPick.self, LiftStackedPick.self, PickStacked.self, SinkPicks.self, SimplifyReshapes.self,
        // Recurrent cells
        LiftChoice.self, LiftMasking.self, LiftLoop.self, LiftConvolutionalLoop.self, LiftUnrolled.self,
        JoinPicks.self, JoinSteps.self, StackBehindBatch.self, StackBeforeAxes.self,
        // Recurrent layers
        JoinDirections.self, JoinLastOutputs.self, DropZeroStates.self, LiftLastStep.self, LiftBackwards.self,
        PairDirections.self, PutBatchFirst.self, NarrowRecurrentOutputs.self, MergeDirections.self,
        AverageDirections.self,
        // Functions
        LiftActivation.self, LiftClip.self, LiftLayerNormalization.self, LiftNormalizationScale.self,
        LiftUnitNormalization.self, LiftAdditiveAttention.self, LiftMaskedPooling.self,
        // Layers
        LiftDense.self, LiftBias.self, LiftDenseActivation.self, LiftEmbedding.self, LiftBatchNormalization.self,
        SinkRows.self,
        // Windows
        NarrowWindows.self, LiftConvolutionParts.self, SimplifyReductions.self,
        // Axes again, now that functions are known
        SinkMoves.self,
    ]

    /// The passes that make one round of a loop plain enough to recognise a cell in it.
    package static let steps: [any Pass.Type] = [
        FoldConstants.self, DropNeutral.self, LiftActivation.self, LiftClip.self, LiftChoice.self,
    ]

    /// The passes that give primitives the names of layers, once nothing else is to be recognised in them.
    package static let last: [any Pass.Type] = [
        PairUnmerged.self, LiftMultiHeadAttention.self, LiftFoldedNormalization.self, LiftGlobalPooling.self,
        LiftRepeat.self, LiftPadding.self,
        SettleReshapes.self, LiftDot.self,
        LiftMerge.self, LiftAverage.self, CarryMasks.self, ForgetAbsentMasks.self,
    ]

    /// Runs all passes until the graph no longer changes.
    package static func run(on draft: inout GraphDraft) throws {
        draft.removeDeadNodes()
        try run(all, on: &draft)
        // Convolutions bring axes of their own into the order that layers have.
        try run([LiftWindows.self], on: &draft)
        try run(all, on: &draft)
        try run([LiftTimeDistributed.self], on: &draft)
        try run(all, on: &draft)
        try run(last, on: &draft)
        try run([LiftShapes.self], on: &draft)
    }

    static func run(_ passes: [any Pass.Type], on draft: inout GraphDraft) throws {
        // Each pass makes the graph smaller or its layers less general; the bound only guards against a mistake.
        for _ in 0..<64 {
            var changed = false
            draft.refineTypes()
            for pass in passes where try run(pass, on: &draft) { changed = true }
            if !changed { return }
        }
    }

    /// Runs one pass over the whole graph.
    ///
    /// - Returns: whether it found anything.
    package static func run(_ pass: any Pass.Type, on draft: inout GraphDraft) throws -> Bool {
        var changed = false
        var index = 0
        while index < draft.nodes.count {
            if try pass.rewrite(index, in: &draft) {
                draft.removeDeadNodes()
                draft.lifted.add(pass)
                changed = true
            } else {
                index += 1
            }
        }
        return changed
    }
}

/// The leaf kernels of Ferry: activations, packed matrix products and recurrent steps in float32.
///
/// Every kernel is written once (`kernel_body/`), compiled once per instruction set, and chosen at
/// run time. Nothing here allocates, opens a file, takes a lock or knows what a model is. All
/// matrices are row-major; strides count floats, not bytes. No pointer needs more than the
/// alignment of `float`; 64-byte aligned packed weights are faster.
///
/// Two promises hold for every table and are tested:
/// * a batch row's result depends on that row alone, bit for bit, so splitting a batch over
///   threads or calls changes nothing;
/// * the kernels never read or write outside the shapes stated, padding included.
#ifndef FERRY_CKERNELS_H
#define FERRY_CKERNELS_H

#include "ferry_activation.h"
#include "ferry_denormals.h"
#include "ferry_kernel_table.h"
#include "ferry_oracle.h"
#include "ferry_plan.h"
#include "ferry_recurrent.h"
#include "ferry_sequence.h"
#include "ferry_team.h"
#include "ferry_weights.h"
#include "ferry_training.h"

#endif

// All kernels of one instruction set. The including file has set
//   FERRY_WIDTH      lanes of a vector
//   FERRY_REGISTERS  vector registers, which decides the tile sizes
//   FERRY_FUSED      whether multiply_add rounds once
//   FERRY_TABLE, FERRY_TABLE_ISA, FERRY_TABLE_NAME

#include "vector.h"
#include "lanes.h"
#include "exponential.h"
#include "sigmoid_tanh.h"
#include "activation_formulas.h"
#include "activate.h"
#include "activation_slopes.h"
#include "elementwise.h"
#include "gemm_pack.h"
#include "outer_product.h"
#include "gemm_tile.h"
#include "gemm.h"
#include "cell_pack.h"
#include "weights_product.h"
#include "pair_pack.h"
#include "pair_tile.h"
#include "pair_product.h"
#include "step.h"
#include "lstm.h"
#include "lstm_row.h"
#include "gru.h"
#include "rnn.h"
#include "lstm_training.h"
#include "gru_training.h"
#include "weight_gradient.h"
#include "adam.h"

const ferry_kernel_table FERRY_TABLE = {
    .isa = FERRY_TABLE_ISA,
    .name = FERRY_TABLE_NAME,
    .width = FERRY_WIDTH,
    .activate = activate,
    .gemm_packed_floats = gemm_packed_floats,
    .gemm_pack = gemm_pack,
    .gemm = gemm,
    .weights_bytes = weights_bytes,
    .weights_compress = weights_compress,
    .product = product,
    .cell_columns = cell_columns,
    .cell_pack = cell_pack,
    .cell_scratch_floats = cell_scratch_floats,
    .cell_step = cell_step,
    .activate_backward = activate_backward,
    .lstm_forward = lstm_forward,
    .lstm_backward = lstm_backward,
    .gru_after_forward = gru_after_forward,
    .gru_after_backward = gru_after_backward,
    .gru_before_gates_forward = gru_before_gates_forward,
    .gru_before_output_forward = gru_before_output_forward,
    .gru_before_output_backward = gru_before_output_backward,
    .gru_before_gates_backward = gru_before_gates_backward,
    .weight_gradient = weight_gradient,
    .weight_gradient_floats = weight_gradient_floats,
    .adam = adam,
    .add = add,
    .multiply = multiply,
    .add_scaled = add_scaled,
    .scale = scale,
    .sum = sum,
    .dot = dot,
    .maximum = maximum,
    .add_row = add_row,
};

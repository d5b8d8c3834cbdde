#ifndef FERRY_CHDF5_SHIM_H
#define FERRY_CHDF5_SHIM_H

#include <hdf5.h>

// HDF5 spells these as macros over casts, commas and globals, none of which Swift can see.
static inline hid_t ferry_h5p_default(void) { return H5P_DEFAULT; }
static inline hid_t ferry_h5p_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t ferry_h5p_dataset_create(void) { return H5P_DATASET_CREATE; }
static inline hid_t ferry_h5e_default(void) { return H5E_DEFAULT; }
static inline hid_t ferry_h5s_all(void) { return H5S_ALL; }
static inline unsigned ferry_h5f_acc_rdonly(void) { return H5F_ACC_RDONLY; }
static inline unsigned ferry_h5f_acc_trunc(void) { return H5F_ACC_TRUNC; }
static inline H5F_libver_t ferry_h5f_libver_latest(void) { return H5F_LIBVER_LATEST; }

static inline size_t ferry_h5t_variable(void) { return H5T_VARIABLE; }
static inline hid_t ferry_h5t_c_s1(void) { return H5T_C_S1; }
static inline hid_t ferry_h5t_native_float(void) { return H5T_NATIVE_FLOAT; }
static inline hid_t ferry_h5t_native_double(void) { return H5T_NATIVE_DOUBLE; }
static inline hid_t ferry_h5t_native_int8(void) { return H5T_NATIVE_INT8; }
static inline hid_t ferry_h5t_native_int16(void) { return H5T_NATIVE_INT16; }
static inline hid_t ferry_h5t_native_int32(void) { return H5T_NATIVE_INT32; }
static inline hid_t ferry_h5t_native_int64(void) { return H5T_NATIVE_INT64; }
static inline hid_t ferry_h5t_native_uint8(void) { return H5T_NATIVE_UINT8; }
static inline hid_t ferry_h5t_native_uint16(void) { return H5T_NATIVE_UINT16; }
static inline hid_t ferry_h5t_native_uint32(void) { return H5T_NATIVE_UINT32; }
static inline hid_t ferry_h5t_native_uint64(void) { return H5T_NATIVE_UINT64; }

// A function up to HDF5 1.10, a macro over numbered functions from 1.12 on.
static inline herr_t ferry_h5l_iterate(
    hid_t group, H5_index_t index, hsize_t *position, H5L_iterate_t visit, void *context
) {
    return H5Literate(group, index, H5_ITER_INC, position, visit, context);
}

#endif

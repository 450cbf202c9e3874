/*
 * The C++ bindings of MPI (MPI 2.2, chapter 16), which MPI 3.0 dropped and programs still use: inline functions over
 * the C ones. mpi.h includes this for C++, unless MPICH_SKIP_MPICXX or OMPI_SKIP_MPICXX is defined, and with it come
 * the headers that programs have come to expect from an MPI's C++ side.
 *
 * Only Clone is virtual: a program then imports those functions of MPI that it calls, and no others. Objects are their
 * handle, so arrays of requests, statuses and datatypes are arrays of C's.
 */
#ifndef FAASMRUN_MPICXX_H
#define FAASMRUN_MPICXX_H

extern "C++" {

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <iostream>
#include <map>
#include <string>
#include <utility>

#if __cplusplus >= 201103L
#define FAASMRUN_CONSTANT constexpr /* the predefined objects are there before any constructor runs */
#else
#define FAASMRUN_CONSTANT
#endif

/* MPI::SEEK_SET needs a name that is no macro. */
#ifdef SEEK_SET
enum { FAASMRUN_SEEK_SET = SEEK_SET, FAASMRUN_SEEK_CUR = SEEK_CUR, FAASMRUN_SEEK_END = SEEK_END };
#undef SEEK_SET
#undef SEEK_CUR
#undef SEEK_END
static const int SEEK_SET = FAASMRUN_SEEK_SET, SEEK_CUR = FAASMRUN_SEEK_CUR, SEEK_END = FAASMRUN_SEEK_END;
#endif

namespace MPI {

typedef MPI_Aint Aint;
typedef MPI_Fint Fint;
typedef MPI_Offset Offset;

class Cartcomm;
class Comm;
class Datatype;
class Distgraphcomm;
class File;
class Graphcomm;
class Grequest;
class Group;
class Intercomm;
class Intracomm;
class Win;

/* ---- Constants ---- */

const int SUCCESS = MPI_SUCCESS, ERR_BUFFER = MPI_ERR_BUFFER, ERR_COUNT = MPI_ERR_COUNT, ERR_TYPE = MPI_ERR_TYPE,
	ERR_TAG = MPI_ERR_TAG, ERR_COMM = MPI_ERR_COMM, ERR_RANK = MPI_ERR_RANK, ERR_REQUEST = MPI_ERR_REQUEST,
	ERR_ROOT = MPI_ERR_ROOT, ERR_GROUP = MPI_ERR_GROUP, ERR_OP = MPI_ERR_OP, ERR_TOPOLOGY = MPI_ERR_TOPOLOGY,
	ERR_DIMS = MPI_ERR_DIMS, ERR_ARG = MPI_ERR_ARG, ERR_UNKNOWN = MPI_ERR_UNKNOWN, ERR_TRUNCATE = MPI_ERR_TRUNCATE,
	ERR_OTHER = MPI_ERR_OTHER, ERR_INTERN = MPI_ERR_INTERN, ERR_PENDING = MPI_ERR_PENDING,
	ERR_IN_STATUS = MPI_ERR_IN_STATUS, ERR_KEYVAL = MPI_ERR_KEYVAL, ERR_NO_MEM = MPI_ERR_NO_MEM,
	ERR_BASE = MPI_ERR_BASE, ERR_INFO_KEY = MPI_ERR_INFO_KEY, ERR_INFO_VALUE = MPI_ERR_INFO_VALUE,
	ERR_INFO_NOKEY = MPI_ERR_INFO_NOKEY, ERR_SPAWN = MPI_ERR_SPAWN, ERR_PORT = MPI_ERR_PORT,
	ERR_SERVICE = MPI_ERR_SERVICE, ERR_NAME = MPI_ERR_NAME, ERR_FILE = MPI_ERR_FILE, ERR_NOT_SAME = MPI_ERR_NOT_SAME,
	ERR_AMODE = MPI_ERR_AMODE, ERR_UNSUPPORTED_DATAREP = MPI_ERR_UNSUPPORTED_DATAREP,
	ERR_UNSUPPORTED_OPERATION = MPI_ERR_UNSUPPORTED_OPERATION, ERR_NO_SUCH_FILE = MPI_ERR_NO_SUCH_FILE,
	ERR_FILE_EXISTS = MPI_ERR_FILE_EXISTS, ERR_BAD_FILE = MPI_ERR_BAD_FILE, ERR_ACCESS = MPI_ERR_ACCESS,
	ERR_NO_SPACE = MPI_ERR_NO_SPACE, ERR_QUOTA = MPI_ERR_QUOTA, ERR_READ_ONLY = MPI_ERR_READ_ONLY,
	ERR_FILE_IN_USE = MPI_ERR_FILE_IN_USE, ERR_DUP_DATAREP = MPI_ERR_DUP_DATAREP, ERR_CONVERSION = MPI_ERR_CONVERSION,
	ERR_IO = MPI_ERR_IO, ERR_WIN = MPI_ERR_WIN, ERR_SIZE = MPI_ERR_SIZE, ERR_DISP = MPI_ERR_DISP,
	ERR_INFO = MPI_ERR_INFO, ERR_LOCKTYPE = MPI_ERR_LOCKTYPE, ERR_ASSERT = MPI_ERR_ASSERT,
	ERR_RMA_CONFLICT = MPI_ERR_RMA_CONFLICT, ERR_RMA_SYNC = MPI_ERR_RMA_SYNC, ERR_LASTCODE = MPI_ERR_LASTCODE,
	PROC_NULL = MPI_PROC_NULL, ANY_SOURCE = MPI_ANY_SOURCE, ANY_TAG = MPI_ANY_TAG, ROOT = MPI_ROOT,
	UNDEFINED = MPI_UNDEFINED, KEYVAL_INVALID = MPI_KEYVAL_INVALID, BSEND_OVERHEAD = MPI_BSEND_OVERHEAD,
	MAX_PROCESSOR_NAME = MPI_MAX_PROCESSOR_NAME, MAX_ERROR_STRING = MPI_MAX_ERROR_STRING,
	MAX_OBJECT_NAME = MPI_MAX_OBJECT_NAME, MAX_INFO_KEY = MPI_MAX_INFO_KEY, MAX_INFO_VAL = MPI_MAX_INFO_VAL,
	MAX_PORT_NAME = MPI_MAX_PORT_NAME, MAX_DATAREP_STRING = MPI_MAX_DATAREP_STRING, IDENT = MPI_IDENT,
	CONGRUENT = MPI_CONGRUENT, SIMILAR = MPI_SIMILAR, UNEQUAL = MPI_UNEQUAL, GRAPH = MPI_GRAPH, CART = MPI_CART,
	DIST_GRAPH = MPI_DIST_GRAPH, TAG_UB = MPI_TAG_UB, HOST = MPI_HOST, IO = MPI_IO,
	WTIME_IS_GLOBAL = MPI_WTIME_IS_GLOBAL, UNIVERSE_SIZE = MPI_UNIVERSE_SIZE, APPNUM = MPI_APPNUM,
	LASTUSEDCODE = MPI_LASTUSEDCODE, THREAD_SINGLE = MPI_THREAD_SINGLE, THREAD_FUNNELED = MPI_THREAD_FUNNELED,
	THREAD_SERIALIZED = MPI_THREAD_SERIALIZED, THREAD_MULTIPLE = MPI_THREAD_MULTIPLE, ORDER_C = MPI_ORDER_C,
	ORDER_FORTRAN = MPI_ORDER_FORTRAN, DISTRIBUTE_BLOCK = MPI_DISTRIBUTE_BLOCK,
	DISTRIBUTE_CYCLIC = MPI_DISTRIBUTE_CYCLIC, DISTRIBUTE_NONE = MPI_DISTRIBUTE_NONE,
	DISTRIBUTE_DFLT_DARG = MPI_DISTRIBUTE_DFLT_DARG, COMBINER_NAMED = MPI_COMBINER_NAMED,
	COMBINER_DUP = MPI_COMBINER_DUP, COMBINER_CONTIGUOUS = MPI_COMBINER_CONTIGUOUS,
	COMBINER_VECTOR = MPI_COMBINER_VECTOR, COMBINER_HVECTOR = MPI_COMBINER_HVECTOR,
	COMBINER_INDEXED = MPI_COMBINER_INDEXED, COMBINER_HINDEXED = MPI_COMBINER_HINDEXED,
	COMBINER_INDEXED_BLOCK = MPI_COMBINER_INDEXED_BLOCK, COMBINER_STRUCT = MPI_COMBINER_STRUCT,
	COMBINER_SUBARRAY = MPI_COMBINER_SUBARRAY, COMBINER_DARRAY = MPI_COMBINER_DARRAY,
	COMBINER_F90_REAL = MPI_COMBINER_F90_REAL, COMBINER_F90_COMPLEX = MPI_COMBINER_F90_COMPLEX,
	COMBINER_F90_INTEGER = MPI_COMBINER_F90_INTEGER, COMBINER_RESIZED = MPI_COMBINER_RESIZED,
	TYPECLASS_REAL = MPI_TYPECLASS_REAL, TYPECLASS_INTEGER = MPI_TYPECLASS_INTEGER,
	TYPECLASS_COMPLEX = MPI_TYPECLASS_COMPLEX, MODE_APPEND = MPI_MODE_APPEND, MODE_CREATE = MPI_MODE_CREATE,
	MODE_DELETE_ON_CLOSE = MPI_MODE_DELETE_ON_CLOSE, MODE_EXCL = MPI_MODE_EXCL, MODE_RDONLY = MPI_MODE_RDONLY,
	MODE_RDWR = MPI_MODE_RDWR, MODE_SEQUENTIAL = MPI_MODE_SEQUENTIAL, MODE_UNIQUE_OPEN = MPI_MODE_UNIQUE_OPEN,
	MODE_WRONLY = MPI_MODE_WRONLY, MODE_NOCHECK = MPI_MODE_NOCHECK, MODE_NOPRECEDE = MPI_MODE_NOPRECEDE,
	MODE_NOPUT = MPI_MODE_NOPUT, MODE_NOSTORE = MPI_MODE_NOSTORE, MODE_NOSUCCEED = MPI_MODE_NOSUCCEED,
	LOCK_EXCLUSIVE = MPI_LOCK_EXCLUSIVE, LOCK_SHARED = MPI_LOCK_SHARED, WIN_BASE = MPI_WIN_BASE,
	WIN_SIZE = MPI_WIN_SIZE, WIN_DISP_UNIT = MPI_WIN_DISP_UNIT, SEEK_SET = MPI_SEEK_SET, SEEK_CUR = MPI_SEEK_CUR,
	SEEK_END = MPI_SEEK_END;
const Offset DISPLACEMENT_CURRENT = MPI_DISPLACEMENT_CURRENT;
static void *const BOTTOM = MPI_BOTTOM;
static void *const IN_PLACE = MPI_IN_PLACE;

/* ---- Exceptions ---- */

class Exception {
public:
	Exception(int code) : code_(code)
	{
		int length = 0;
		text_[0] = 0;
		MPI_Error_string(code, text_, &length);
	}
	int Get_error_code() const { return code_; }
	int Get_error_class() const
	{
		int c = MPI_ERR_UNKNOWN;
		MPI_Error_class(code_, &c);
		return c;
	}
	const char *Get_error_string() const { return text_; }

private:
	int code_;
	char text_[MPI_MAX_ERROR_STRING + 1];
};

/* The error handler of ERRORS_THROW_EXCEPTIONS. Without exceptions the program ends, as with ERRORS_ARE_FATAL. */
inline void faasmrun_throw(MPI_Comm *, int *code, ...)
{
#if defined(__cpp_exceptions) || defined(__EXCEPTIONS)
	throw Exception(*code);
#else
	MPI_Abort(MPI_COMM_WORLD, *code);
#endif
}

/* ---- Error handlers ---- */

enum Faasmrun_throwing { faasmrun_throwing };

class Errhandler {
public:
	FAASMRUN_CONSTANT Errhandler(MPI_Errhandler h = MPI_ERRHANDLER_NULL) : handle_(h), throws_(false) {}
	FAASMRUN_CONSTANT Errhandler(Faasmrun_throwing) : handle_(MPI_ERRHANDLER_NULL), throws_(true) {}
	operator MPI_Errhandler() const { return throws_ ? throwing() : handle_; }
	bool operator==(const Errhandler &o) const { return MPI_Errhandler(*this) == MPI_Errhandler(o); }
	bool operator!=(const Errhandler &o) const { return !(*this == o); }
	void Free()
	{
		if (!throws_) {
			MPI_Errhandler_free(&handle_);
		}
	}

private:
	/* Made when it is first used, for MPI may not be initialised before. */
	static MPI_Errhandler throwing()
	{
		static MPI_Errhandler made = MPI_ERRHANDLER_NULL;
		if (made == MPI_ERRHANDLER_NULL) {
			MPI_Comm_create_errhandler(faasmrun_throw, &made);
		}
		return made;
	}
	MPI_Errhandler handle_;
	bool throws_;
};

/* C's callbacks of operations and error handlers do not say for which object they are called. So each function of the
 * program's gets one of C's own, of which there are so many for operations and as many for error handlers; past that,
 * creating fails with MPI_ERR_INTERN. Freeing gives none back: others may be made with the function again. */
enum { FAASMRUN_CALLBACKS = 64 };

template <class Kind, int N> struct Faasmrun_callback {
	typedef typename Kind::Function Function;
	static Function *&held()
	{
		static Function *f = 0;
		return f;
	}
	static Function *function() { return held(); }
	static typename Kind::C_function *find(Function *f)
	{
		if (!held() || held() == f) {
			held() = f;
			return Kind::template of<N>();
		}
		return Faasmrun_callback<Kind, N + 1>::find(f);
	}
};

template <class Kind> struct Faasmrun_callback<Kind, FAASMRUN_CALLBACKS> {
	static typename Kind::C_function *find(typename Kind::Function *)
	{
		static int code = MPI_ERR_INTERN;
		if (code == MPI_ERR_INTERN && !MPI_Add_error_code(MPI_ERR_INTERN, &code)) {
			MPI_Add_error_string(code, "MPI's C++ bindings keep 64 functions of operations and 64 of error handlers, and the "
						   "program has more: MPI_Op_create and MPI_Comm_create_errhandler take any number");
		}
		MPI_Comm_call_errhandler(MPI_COMM_WORLD, code);
		return 0;
	}
};

/* Arrays of bool, as C's arrays of int. */
class Faasmrun_ints {
public:
	explicit Faasmrun_ints(int n) : at_(new int[n > 0 ? n : 1]), n_(n) {}
	Faasmrun_ints(int n, const bool values[]) : at_(new int[n > 0 ? n : 1]), n_(n)
	{
		for (int i = 0; i < n; i++) {
			at_[i] = values[i];
		}
	}
	~Faasmrun_ints() { delete[] at_; }
	operator int *() { return at_; }
	void copy(bool values[]) const
	{
		for (int i = 0; i < n_; i++) {
			values[i] = at_[i] != 0;
		}
	}

private:
	Faasmrun_ints(const Faasmrun_ints &);
	Faasmrun_ints &operator=(const Faasmrun_ints &);
	int *at_;
	int n_;
};

/* ---- Info ---- */

class Info {
public:
	FAASMRUN_CONSTANT Info(MPI_Info h = MPI_INFO_NULL) : handle_(h) {}
	operator MPI_Info() const { return handle_; }
	bool operator==(const Info &o) const { return handle_ == o.handle_; }
	bool operator!=(const Info &o) const { return handle_ != o.handle_; }
	static Info Create()
	{
		Info i;
		MPI_Info_create(&i.handle_);
		return i;
	}
	void Delete(const char *key) { MPI_Info_delete(handle_, key); }
	Info Dup() const
	{
		Info i;
		MPI_Info_dup(handle_, &i.handle_);
		return i;
	}
	void Free() { MPI_Info_free(&handle_); }
	bool Get(const char *key, int length, char *value) const
	{
		int flag = 0;
		MPI_Info_get(handle_, key, length, value, &flag);
		return flag != 0;
	}
	int Get_nkeys() const
	{
		int n = 0;
		MPI_Info_get_nkeys(handle_, &n);
		return n;
	}
	void Get_nthkey(int n, char *key) const { MPI_Info_get_nthkey(handle_, n, key); }
	bool Get_valuelen(const char *key, int &length) const
	{
		int flag = 0;
		MPI_Info_get_valuelen(handle_, key, &length, &flag);
		return flag != 0;
	}
	void Set(const char *key, const char *value) { MPI_Info_set(handle_, key, value); }

private:
	MPI_Info handle_;
};

/* ---- Datatypes ---- */

class Datatype {
public:
	typedef int Copy_attr_function(const Datatype &old, int keyval, void *extra_state, const void *in, void *out,
		bool &flag);
	typedef int Delete_attr_function(Datatype &type, int keyval, void *value, void *extra_state);

	FAASMRUN_CONSTANT Datatype(MPI_Datatype h = MPI_DATATYPE_NULL) : handle_(h) {}
	operator MPI_Datatype() const { return handle_; }
	bool operator==(const Datatype &o) const { return handle_ == o.handle_; }
	bool operator!=(const Datatype &o) const { return handle_ != o.handle_; }

	Datatype Create_contiguous(int count) const
	{
		Datatype t;
		MPI_Type_contiguous(count, handle_, &t.handle_);
		return t;
	}
	Datatype Create_vector(int count, int length, int stride) const
	{
		Datatype t;
		MPI_Type_vector(count, length, stride, handle_, &t.handle_);
		return t;
	}
	Datatype Create_hvector(int count, int length, Aint stride) const
	{
		Datatype t;
		MPI_Type_create_hvector(count, length, stride, handle_, &t.handle_);
		return t;
	}
	Datatype Create_indexed(int count, const int lengths[], const int displacements[]) const
	{
		Datatype t;
		MPI_Type_indexed(count, lengths, displacements, handle_, &t.handle_);
		return t;
	}
	Datatype Create_hindexed(int count, const int lengths[], const Aint displacements[]) const
	{
		Datatype t;
		MPI_Type_create_hindexed(count, lengths, displacements, handle_, &t.handle_);
		return t;
	}
	Datatype Create_indexed_block(int count, int length, const int displacements[]) const
	{
		Datatype t;
		MPI_Type_create_indexed_block(count, length, displacements, handle_, &t.handle_);
		return t;
	}
	static Datatype Create_struct(int count, const int lengths[], const Aint displacements[], const Datatype types[])
	{
		Datatype t;
		MPI_Type_create_struct(count, lengths, displacements, array(types), &t.handle_);
		return t;
	}
	Datatype Create_subarray(int dims, const int sizes[], const int subsizes[], const int starts[], int order) const
	{
		Datatype t;
		MPI_Type_create_subarray(dims, sizes, subsizes, starts, order, handle_, &t.handle_);
		return t;
	}
	Datatype Create_darray(int size, int rank, int dims, const int sizes[], const int distributions[],
		const int arguments[], const int processes[], int order) const
	{
		Datatype t;
		MPI_Type_create_darray(size, rank, dims, sizes, distributions, arguments, processes, order, handle_, &t.handle_);
		return t;
	}
	Datatype Create_resized(Aint lower, Aint extent) const
	{
		Datatype t;
		MPI_Type_create_resized(handle_, lower, extent, &t.handle_);
		return t;
	}
	Datatype Resized(Aint lower, Aint extent) const { return Create_resized(lower, extent); }
	static Datatype Create_f90_real(int precision, int range)
	{
		Datatype t;
		MPI_Type_create_f90_real(precision, range, &t.handle_);
		return t;
	}
	static Datatype Create_f90_complex(int precision, int range)
	{
		Datatype t;
		MPI_Type_create_f90_complex(precision, range, &t.handle_);
		return t;
	}
	static Datatype Create_f90_integer(int range)
	{
		Datatype t;
		MPI_Type_create_f90_integer(range, &t.handle_);
		return t;
	}
	static Datatype Match_size(int type_class, int size)
	{
		Datatype t;
		MPI_Type_match_size(type_class, size, &t.handle_);
		return t;
	}
	Datatype Dup() const
	{
		Datatype t;
		MPI_Type_dup(handle_, &t.handle_);
		return t;
	}
	void Commit() { MPI_Type_commit(&handle_); }
	void Free() { MPI_Type_free(&handle_); }

	int Get_size() const
	{
		int n = 0;
		MPI_Type_size(handle_, &n);
		return n;
	}
	void Get_extent(Aint &lower, Aint &extent) const { MPI_Type_get_extent(handle_, &lower, &extent); }
	void Get_true_extent(Aint &lower, Aint &extent) const { MPI_Type_get_true_extent(handle_, &lower, &extent); }
	void Get_envelope(int &integers, int &addresses, int &types, int &combiner) const
	{
		MPI_Type_get_envelope(handle_, &integers, &addresses, &types, &combiner);
	}
	void Get_contents(int max_integers, int max_addresses, int max_types, int integers[], Aint addresses[],
		Datatype types[]) const
	{
		MPI_Type_get_contents(handle_, max_integers, max_addresses, max_types, integers, addresses,
			reinterpret_cast<MPI_Datatype *>(types));
	}

	void Pack(const void *in, int count, void *out, int size, int &position, const Comm &comm) const;
	void Unpack(const void *in, int size, void *out, int count, int &position, const Comm &comm) const;
	int Pack_size(int count, const Comm &comm) const;
	void Pack_external(const char *representation, const void *in, int count, void *out, Aint size,
		Aint &position) const
	{
		MPI_Pack_external(representation, in, count, handle_, out, size, &position);
	}
	void Unpack_external(const char *representation, const void *in, Aint size, Aint &position, void *out,
		int count) const
	{
		MPI_Unpack_external(representation, in, size, &position, out, count, handle_);
	}
	Aint Pack_external_size(const char *representation, int count) const
	{
		Aint n = 0;
		MPI_Pack_external_size(representation, count, handle_, &n);
		return n;
	}

	static int NULL_COPY_FN(const Datatype &, int, void *, const void *, void *, bool &flag)
	{
		flag = false;
		return MPI_SUCCESS;
	}
	static int DUP_FN(const Datatype &, int, void *, const void *in, void *out, bool &flag)
	{
		*static_cast<const void **>(out) = in;
		flag = true;
		return MPI_SUCCESS;
	}
	static int NULL_DELETE_FN(Datatype &, int, void *, void *) { return MPI_SUCCESS; }
	static int Create_keyval(Copy_attr_function *copy, Delete_attr_function *destroy, void *extra_state)
	{
		int keyval = MPI_KEYVAL_INVALID;
		MPI_Type_create_keyval(copy_attr, delete_attr, &keyval, new Keyval(copy, destroy, extra_state));
		return keyval;
	}
	static void Free_keyval(int &keyval) { MPI_Type_free_keyval(&keyval); }
	void Set_attr(int keyval, const void *value) { MPI_Type_set_attr(handle_, keyval, const_cast<void *>(value)); }
	bool Get_attr(int keyval, void *value) const
	{
		int flag = 0;
		MPI_Type_get_attr(handle_, keyval, value, &flag);
		return flag != 0;
	}
	void Delete_attr(int keyval) { MPI_Type_delete_attr(handle_, keyval); }
	void Set_name(const char *name) { MPI_Type_set_name(handle_, name); }
	void Get_name(char *name, int &length) const { MPI_Type_get_name(handle_, name, &length); }

	static const MPI_Datatype *array(const Datatype types[]) { return reinterpret_cast<const MPI_Datatype *>(types); }

private:
	/* What C's callbacks get as their extra state. It lives on: a key that was freed is in use as long as attributes
	 * have it. */
	struct Keyval {
		Keyval(Copy_attr_function *c, Delete_attr_function *d, void *e) : copy(c), destroy(d), extra_state(e) {}
		Copy_attr_function *copy;
		Delete_attr_function *destroy;
		void *extra_state;
	};
	static int copy_attr(MPI_Datatype type, int keyval, void *state, void *in, void *out, int *flag)
	{
		Keyval *k = static_cast<Keyval *>(state);
		bool copied = false;
		int error = k->copy ? k->copy(Datatype(type), keyval, k->extra_state, in, out, copied) : MPI_SUCCESS;
		*flag = copied;
		return error;
	}
	static int delete_attr(MPI_Datatype type, int keyval, void *value, void *state)
	{
		Keyval *k = static_cast<Keyval *>(state);
		Datatype t(type);
		return k->destroy ? k->destroy(t, keyval, value, k->extra_state) : MPI_SUCCESS;
	}
	MPI_Datatype handle_;
};

/* ---- Operations ---- */

typedef void User_function(const void *in, void *inout, int count, const Datatype &type);

class Op {
public:
	FAASMRUN_CONSTANT Op(MPI_Op h = MPI_OP_NULL) : handle_(h) {}
	operator MPI_Op() const { return handle_; }
	bool operator==(const Op &o) const { return handle_ == o.handle_; }
	bool operator!=(const Op &o) const { return handle_ != o.handle_; }
	void Init(User_function *f, bool commute)
	{
		if (MPI_User_function *c = Faasmrun_callback<Kind, 0>::find(f)) {
			MPI_Op_create(c, commute, &handle_);
		}
	}
	void Free() { MPI_Op_free(&handle_); }
	bool Is_commutative() const
	{
		int flag = 0;
		MPI_Op_commutative(handle_, &flag);
		return flag != 0;
	}
	void Reduce_local(const void *in, void *inout, int count, const Datatype &type) const
	{
		MPI_Reduce_local(in, inout, count, type, handle_);
	}

private:
	struct Kind {
		typedef User_function Function;
		typedef MPI_User_function C_function;
		template <int N> static void call(void *in, void *inout, int *count, MPI_Datatype *type)
		{
			Faasmrun_callback<Kind, N>::function()(in, inout, *count, Datatype(*type));
		}
		template <int N> static C_function *of() { return &call<N>; }
	};
	MPI_Op handle_;
};

/* ---- Statuses and requests ---- */

class Status {
public:
	Status() { memset(&status_, 0, sizeof status_); }
	Status(const MPI_Status &s) : status_(s) {}
	operator MPI_Status() const { return status_; }
	int Get_source() const { return status_.MPI_SOURCE; }
	void Set_source(int source) { status_.MPI_SOURCE = source; }
	int Get_tag() const { return status_.MPI_TAG; }
	void Set_tag(int tag) { status_.MPI_TAG = tag; }
	int Get_error() const { return status_.MPI_ERROR; }
	void Set_error(int error) { status_.MPI_ERROR = error; }
	int Get_count(const Datatype &type) const
	{
		int n = 0;
		MPI_Get_count(&status_, type, &n);
		return n;
	}
	int Get_elements(const Datatype &type) const
	{
		int n = 0;
		MPI_Get_elements(&status_, type, &n);
		return n;
	}
	void Set_elements(const Datatype &type, int count) { MPI_Status_set_elements(&status_, type, count); }
	bool Is_cancelled() const
	{
		int flag = 0;
		MPI_Test_cancelled(&status_, &flag);
		return flag != 0;
	}
	void Set_cancelled(bool flag) { MPI_Status_set_cancelled(&status_, flag); }

	MPI_Status *c() { return &status_; }
	static MPI_Status *array(Status statuses[]) { return reinterpret_cast<MPI_Status *>(statuses); }

private:
	MPI_Status status_;
};

class Request {
public:
	FAASMRUN_CONSTANT Request(MPI_Request h = MPI_REQUEST_NULL) : handle_(h) {}
	operator MPI_Request() const { return handle_; }
	bool operator==(const Request &o) const { return handle_ == o.handle_; }
	bool operator!=(const Request &o) const { return handle_ != o.handle_; }

	void Wait() { MPI_Wait(&handle_, MPI_STATUS_IGNORE); }
	void Wait(Status &s) { MPI_Wait(&handle_, s.c()); }
	bool Test() { return test(MPI_STATUS_IGNORE); }
	bool Test(Status &s) { return test(s.c()); }
	bool Get_status() const { return get_status(MPI_STATUS_IGNORE); }
	bool Get_status(Status &s) const { return get_status(s.c()); }
	void Free() { MPI_Request_free(&handle_); }
	void Cancel() const
	{
		MPI_Request h = handle_;
		MPI_Cancel(&h);
	}

	static int Waitany(int count, Request requests[]) { return waitany(count, requests, MPI_STATUS_IGNORE); }
	static int Waitany(int count, Request requests[], Status &s) { return waitany(count, requests, s.c()); }
	static bool Testany(int count, Request requests[], int &index)
	{
		return testany(count, requests, index, MPI_STATUS_IGNORE);
	}
	static bool Testany(int count, Request requests[], int &index, Status &s)
	{
		return testany(count, requests, index, s.c());
	}
	static void Waitall(int count, Request requests[]) { MPI_Waitall(count, array(requests), MPI_STATUSES_IGNORE); }
	static void Waitall(int count, Request requests[], Status statuses[])
	{
		MPI_Waitall(count, array(requests), Status::array(statuses));
	}
	static bool Testall(int count, Request requests[]) { return testall(count, requests, MPI_STATUSES_IGNORE); }
	static bool Testall(int count, Request requests[], Status statuses[])
	{
		return testall(count, requests, Status::array(statuses));
	}
	static int Waitsome(int count, Request requests[], int indices[])
	{
		return waitsome(count, requests, indices, MPI_STATUSES_IGNORE);
	}
	static int Waitsome(int count, Request requests[], int indices[], Status statuses[])
	{
		return waitsome(count, requests, indices, Status::array(statuses));
	}
	static int Testsome(int count, Request requests[], int indices[])
	{
		return testsome(count, requests, indices, MPI_STATUSES_IGNORE);
	}
	static int Testsome(int count, Request requests[], int indices[], Status statuses[])
	{
		return testsome(count, requests, indices, Status::array(statuses));
	}

	static MPI_Request *array(Request requests[]) { return reinterpret_cast<MPI_Request *>(requests); }

protected:
	MPI_Request handle_;

private:
	bool test(MPI_Status *s)
	{
		int flag = 0;
		MPI_Test(&handle_, &flag, s);
		return flag != 0;
	}
	bool get_status(MPI_Status *s) const
	{
		int flag = 0;
		MPI_Request_get_status(handle_, &flag, s);
		return flag != 0;
	}
	static int waitany(int count, Request requests[], MPI_Status *s)
	{
		int index = MPI_UNDEFINED;
		MPI_Waitany(count, array(requests), &index, s);
		return index;
	}
	static bool testany(int count, Request requests[], int &index, MPI_Status *s)
	{
		int flag = 0;
		MPI_Testany(count, array(requests), &index, &flag, s);
		return flag != 0;
	}
	static bool testall(int count, Request requests[], MPI_Status *s)
	{
		int flag = 0;
		MPI_Testall(count, array(requests), &flag, s);
		return flag != 0;
	}
	static int waitsome(int count, Request requests[], int indices[], MPI_Status *s)
	{
		int done = MPI_UNDEFINED;
		MPI_Waitsome(count, array(requests), &done, indices, s);
		return done;
	}
	static int testsome(int count, Request requests[], int indices[], MPI_Status *s)
	{
		int done = MPI_UNDEFINED;
		MPI_Testsome(count, array(requests), &done, indices, s);
		return done;
	}
};

class Prequest : public Request {
public:
	FAASMRUN_CONSTANT Prequest(MPI_Request h = MPI_REQUEST_NULL) : Request(h) {}
	FAASMRUN_CONSTANT Prequest(const Request &r) : Request(r) {}
	void Start() { MPI_Start(&handle_); }
	static void Startall(int count, Prequest requests[])
	{
		MPI_Startall(count, reinterpret_cast<MPI_Request *>(requests));
	}
};

class Grequest : public Request {
public:
	typedef int Query_function(void *extra_state, Status &status);
	typedef int Free_function(void *extra_state);
	typedef int Cancel_function(void *extra_state, bool complete);

	FAASMRUN_CONSTANT Grequest(MPI_Request h = MPI_REQUEST_NULL) : Request(h) {}
	FAASMRUN_CONSTANT Grequest(const Request &r) : Request(r) {}
	static Grequest Start(Query_function *query, Free_function *free, Cancel_function *cancel, void *extra_state)
	{
		Grequest r;
		MPI_Grequest_start(query_state, free_state, cancel_state, new State(query, free, cancel, extra_state), &r.handle_);
		return r;
	}
	void Complete() { MPI_Grequest_complete(handle_); }

private:
	struct State {
		State(Query_function *q, Free_function *f, Cancel_function *c, void *e)
			: query(q), free(f), cancel(c), extra_state(e) {}
		Query_function *query;
		Free_function *free;
		Cancel_function *cancel;
		void *extra_state;
	};
	static int query_state(void *state, MPI_Status *status)
	{
		State *s = static_cast<State *>(state);
		return s->query(s->extra_state, *reinterpret_cast<Status *>(status));
	}
	static int free_state(void *state)
	{
		State *s = static_cast<State *>(state);
		int error = s->free(s->extra_state);
		delete s;
		return error;
	}
	static int cancel_state(void *state, int complete)
	{
		State *s = static_cast<State *>(state);
		return s->cancel(s->extra_state, complete != 0);
	}
};

/* ---- Groups ---- */

class Group {
public:
	FAASMRUN_CONSTANT Group(MPI_Group h = MPI_GROUP_NULL) : handle_(h) {}
	operator MPI_Group() const { return handle_; }
	bool operator==(const Group &o) const { return handle_ == o.handle_; }
	bool operator!=(const Group &o) const { return handle_ != o.handle_; }
	int Get_size() const
	{
		int n = 0;
		MPI_Group_size(handle_, &n);
		return n;
	}
	int Get_rank() const
	{
		int r = MPI_UNDEFINED;
		MPI_Group_rank(handle_, &r);
		return r;
	}
	static void Translate_ranks(const Group &a, int n, const int from[], const Group &b, int to[])
	{
		MPI_Group_translate_ranks(a, n, from, b, to);
	}
	static int Compare(const Group &a, const Group &b)
	{
		int result = MPI_UNEQUAL;
		MPI_Group_compare(a, b, &result);
		return result;
	}
	static Group Union(const Group &a, const Group &b)
	{
		Group g;
		MPI_Group_union(a, b, &g.handle_);
		return g;
	}
	static Group Intersect(const Group &a, const Group &b)
	{
		Group g;
		MPI_Group_intersection(a, b, &g.handle_);
		return g;
	}
	static Group Difference(const Group &a, const Group &b)
	{
		Group g;
		MPI_Group_difference(a, b, &g.handle_);
		return g;
	}
	Group Incl(int n, const int ranks[]) const
	{
		Group g;
		MPI_Group_incl(handle_, n, ranks, &g.handle_);
		return g;
	}
	Group Excl(int n, const int ranks[]) const
	{
		Group g;
		MPI_Group_excl(handle_, n, ranks, &g.handle_);
		return g;
	}
	Group Range_incl(int n, const int ranges[][3]) const
	{
		Group g;
		MPI_Group_range_incl(handle_, n, const_cast<int(*)[3]>(ranges), &g.handle_);
		return g;
	}
	Group Range_excl(int n, const int ranges[][3]) const
	{
		Group g;
		MPI_Group_range_excl(handle_, n, const_cast<int(*)[3]>(ranges), &g.handle_);
		return g;
	}
	void Free() { MPI_Group_free(&handle_); }

private:
	MPI_Group handle_;
};

/* ---- Communicators ---- */

/* What COMM_NULL is an instance of; Comm itself has none. */
class Comm_Null {
public:
	FAASMRUN_CONSTANT Comm_Null() : handle_(MPI_COMM_NULL) {}
	FAASMRUN_CONSTANT Comm_Null(MPI_Comm h) : handle_(h) {}
	operator MPI_Comm() const { return handle_; }
	bool operator==(const Comm_Null &o) const { return handle_ == o.handle_; }
	bool operator!=(const Comm_Null &o) const { return handle_ != o.handle_; }

protected:
	MPI_Comm handle_;
};

class Comm : public Comm_Null {
public:
	typedef void Errhandler_function(Comm &, int *, ...);
	typedef Errhandler_function Errhandler_fn;
	typedef int Copy_attr_function(const Comm &old, int keyval, void *extra_state, void *in, void *out, bool &flag);
	typedef int Delete_attr_function(Comm &comm, int keyval, void *value, void *extra_state);

	FAASMRUN_CONSTANT Comm() {}
	FAASMRUN_CONSTANT Comm(MPI_Comm h) : Comm_Null(h) {}
	virtual Comm &Clone() const = 0;

	/* Point to point */
	void Send(const void *buf, int count, const Datatype &type, int dest, int tag) const
	{
		MPI_Send(buf, count, type, dest, tag, handle_);
	}
	void Bsend(const void *buf, int count, const Datatype &type, int dest, int tag) const
	{
		MPI_Bsend(buf, count, type, dest, tag, handle_);
	}
	void Ssend(const void *buf, int count, const Datatype &type, int dest, int tag) const
	{
		MPI_Ssend(buf, count, type, dest, tag, handle_);
	}
	void Rsend(const void *buf, int count, const Datatype &type, int dest, int tag) const
	{
		MPI_Rsend(buf, count, type, dest, tag, handle_);
	}
	void Recv(void *buf, int count, const Datatype &type, int source, int tag) const
	{
		MPI_Recv(buf, count, type, source, tag, handle_, MPI_STATUS_IGNORE);
	}
	void Recv(void *buf, int count, const Datatype &type, int source, int tag, Status &s) const
	{
		MPI_Recv(buf, count, type, source, tag, handle_, s.c());
	}
	Request Isend(const void *buf, int count, const Datatype &type, int dest, int tag) const
	{
		MPI_Request r = MPI_REQUEST_NULL;
		MPI_Isend(buf, count, type, dest, tag, handle_, &r);
		return r;
	}
	Request Ibsend(const void *buf, int count, const Datatype &type, int dest, int tag) const
	{
		MPI_Request r = MPI_REQUEST_NULL;
		MPI_Ibsend(buf, count, type, dest, tag, handle_, &r);
		return r;
	}
	Request Issend(const void *buf, int count, const Datatype &type, int dest, int tag) const
	{
		MPI_Request r = MPI_REQUEST_NULL;
		MPI_Issend(buf, count, type, dest, tag, handle_, &r);
		return r;
	}
	Request Irsend(const void *buf, int count, const Datatype &type, int dest, int tag) const
	{
		MPI_Request r = MPI_REQUEST_NULL;
		MPI_Irsend(buf, count, type, dest, tag, handle_, &r);
		return r;
	}
	Request Irecv(void *buf, int count, const Datatype &type, int source, int tag) const
	{
		MPI_Request r = MPI_REQUEST_NULL;
		MPI_Irecv(buf, count, type, source, tag, handle_, &r);
		return r;
	}
	Prequest Send_init(const void *buf, int count, const Datatype &type, int dest, int tag) const
	{
		MPI_Request r = MPI_REQUEST_NULL;
		MPI_Send_init(buf, count, type, dest, tag, handle_, &r);
		return r;
	}
	Prequest Bsend_init(const void *buf, int count, const Datatype &type, int dest, int tag) const
	{
		MPI_Request r = MPI_REQUEST_NULL;
		MPI_Bsend_init(buf, count, type, dest, tag, handle_, &r);
		return r;
	}
	Prequest Ssend_init(const void *buf, int count, const Datatype &type, int dest, int tag) const
	{
		MPI_Request r = MPI_REQUEST_NULL;
		MPI_Ssend_init(buf, count, type, dest, tag, handle_, &r);
		return r;
	}
	Prequest Rsend_init(const void *buf, int count, const Datatype &type, int dest, int tag) const
	{
		MPI_Request r = MPI_REQUEST_NULL;
		MPI_Rsend_init(buf, count, type, dest, tag, handle_, &r);
		return r;
	}
	Prequest Recv_init(void *buf, int count, const Datatype &type, int source, int tag) const
	{
		MPI_Request r = MPI_REQUEST_NULL;
		MPI_Recv_init(buf, count, type, source, tag, handle_, &r);
		return r;
	}
	void Probe(int source, int tag) const { MPI_Probe(source, tag, handle_, MPI_STATUS_IGNORE); }
	void Probe(int source, int tag, Status &s) const { MPI_Probe(source, tag, handle_, s.c()); }
	bool Iprobe(int source, int tag) const { return iprobe(source, tag, MPI_STATUS_IGNORE); }
	bool Iprobe(int source, int tag, Status &s) const { return iprobe(source, tag, s.c()); }
	void Sendrecv(const void *sendbuf, int sendcount, const Datatype &sendtype, int dest, int sendtag, void *recvbuf,
		int recvcount, const Datatype &recvtype, int source, int recvtag) const
	{
		MPI_Sendrecv(sendbuf, sendcount, sendtype, dest, sendtag, recvbuf, recvcount, recvtype, source, recvtag, handle_,
			MPI_STATUS_IGNORE);
	}
	void Sendrecv(const void *sendbuf, int sendcount, const Datatype &sendtype, int dest, int sendtag, void *recvbuf,
		int recvcount, const Datatype &recvtype, int source, int recvtag, Status &s) const
	{
		MPI_Sendrecv(sendbuf, sendcount, sendtype, dest, sendtag, recvbuf, recvcount, recvtype, source, recvtag, handle_,
			s.c());
	}
	void Sendrecv_replace(void *buf, int count, const Datatype &type, int dest, int sendtag, int source,
		int recvtag) const
	{
		MPI_Sendrecv_replace(buf, count, type, dest, sendtag, source, recvtag, handle_, MPI_STATUS_IGNORE);
	}
	void Sendrecv_replace(void *buf, int count, const Datatype &type, int dest, int sendtag, int source, int recvtag,
		Status &s) const
	{
		MPI_Sendrecv_replace(buf, count, type, dest, sendtag, source, recvtag, handle_, s.c());
	}

	/* The communicator itself */
	int Get_size() const
	{
		int n = 0;
		MPI_Comm_size(handle_, &n);
		return n;
	}
	int Get_rank() const
	{
		int r = MPI_UNDEFINED;
		MPI_Comm_rank(handle_, &r);
		return r;
	}
	Group Get_group() const
	{
		MPI_Group g = MPI_GROUP_NULL;
		MPI_Comm_group(handle_, &g);
		return g;
	}
	static int Compare(const Comm &a, const Comm &b)
	{
		int result = MPI_UNEQUAL;
		MPI_Comm_compare(a, b, &result);
		return result;
	}
	void Free() { MPI_Comm_free(&handle_); }
	void Disconnect() { MPI_Comm_disconnect(&handle_); }
	bool Is_inter() const
	{
		int flag = 0;
		MPI_Comm_test_inter(handle_, &flag);
		return flag != 0;
	}
	int Get_topology() const
	{
		int kind = MPI_UNDEFINED;
		MPI_Topo_test(handle_, &kind);
		return kind;
	}
	void Abort(int code) { MPI_Abort(handle_, code); }
	void Set_name(const char *name) { MPI_Comm_set_name(handle_, name); }
	void Get_name(char *name, int &length) const { MPI_Comm_get_name(handle_, name, &length); }
	static Intercomm Get_parent();
	static Intercomm Join(int fd);

	/* Errors */
	void Set_errhandler(const Errhandler &e) { MPI_Comm_set_errhandler(handle_, e); }
	Errhandler Get_errhandler() const
	{
		MPI_Errhandler e = MPI_ERRHANDLER_NULL;
		MPI_Comm_get_errhandler(handle_, &e);
		return e;
	}
	void Call_errhandler(int code) const { MPI_Comm_call_errhandler(handle_, code); }
	static Errhandler Create_errhandler(Errhandler_function *f)
	{
		MPI_Errhandler e = MPI_ERRHANDLER_NULL;
		if (MPI_Comm_errhandler_function *c = Faasmrun_callback<Kind, 0>::find(f)) {
			MPI_Comm_create_errhandler(c, &e);
		}
		return e;
	}

	/* Attributes */
	static int NULL_COPY_FN(const Comm &, int, void *, void *, void *, bool &flag)
	{
		flag = false;
		return MPI_SUCCESS;
	}
	static int DUP_FN(const Comm &, int, void *, void *in, void *out, bool &flag)
	{
		*static_cast<void **>(out) = in;
		flag = true;
		return MPI_SUCCESS;
	}
	static int NULL_DELETE_FN(Comm &, int, void *, void *) { return MPI_SUCCESS; }
	static int Create_keyval(Copy_attr_function *copy, Delete_attr_function *destroy, void *extra_state)
	{
		int keyval = MPI_KEYVAL_INVALID;
		MPI_Comm_create_keyval(copy_attr, delete_attr, &keyval, new Keyval(copy, destroy, extra_state));
		return keyval;
	}
	static void Free_keyval(int &keyval) { MPI_Comm_free_keyval(&keyval); }
	void Set_attr(int keyval, const void *value) const { MPI_Comm_set_attr(handle_, keyval, const_cast<void *>(value)); }
	bool Get_attr(int keyval, void *value) const
	{
		int flag = 0;
		MPI_Comm_get_attr(handle_, keyval, value, &flag);
		return flag != 0;
	}
	void Delete_attr(int keyval) { MPI_Comm_delete_attr(handle_, keyval); }

	/* Collectives */
	void Barrier() const { MPI_Barrier(handle_); }
	void Bcast(void *buf, int count, const Datatype &type, int root) const
	{
		MPI_Bcast(buf, count, type, root, handle_);
	}
	void Gather(const void *sendbuf, int sendcount, const Datatype &sendtype, void *recvbuf, int recvcount,
		const Datatype &recvtype, int root) const
	{
		MPI_Gather(sendbuf, sendcount, sendtype, recvbuf, recvcount, recvtype, root, handle_);
	}
	void Gatherv(const void *sendbuf, int sendcount, const Datatype &sendtype, void *recvbuf, const int recvcounts[],
		const int displacements[], const Datatype &recvtype, int root) const
	{
		MPI_Gatherv(sendbuf, sendcount, sendtype, recvbuf, recvcounts, displacements, recvtype, root, handle_);
	}
	void Scatter(const void *sendbuf, int sendcount, const Datatype &sendtype, void *recvbuf, int recvcount,
		const Datatype &recvtype, int root) const
	{
		MPI_Scatter(sendbuf, sendcount, sendtype, recvbuf, recvcount, recvtype, root, handle_);
	}
	void Scatterv(const void *sendbuf, const int sendcounts[], const int displacements[], const Datatype &sendtype,
		void *recvbuf, int recvcount, const Datatype &recvtype, int root) const
	{
		MPI_Scatterv(sendbuf, sendcounts, displacements, sendtype, recvbuf, recvcount, recvtype, root, handle_);
	}
	void Allgather(const void *sendbuf, int sendcount, const Datatype &sendtype, void *recvbuf, int recvcount,
		const Datatype &recvtype) const
	{
		MPI_Allgather(sendbuf, sendcount, sendtype, recvbuf, recvcount, recvtype, handle_);
	}
	void Allgatherv(const void *sendbuf, int sendcount, const Datatype &sendtype, void *recvbuf, const int recvcounts[],
		const int displacements[], const Datatype &recvtype) const
	{
		MPI_Allgatherv(sendbuf, sendcount, sendtype, recvbuf, recvcounts, displacements, recvtype, handle_);
	}
	void Alltoall(const void *sendbuf, int sendcount, const Datatype &sendtype, void *recvbuf, int recvcount,
		const Datatype &recvtype) const
	{
		MPI_Alltoall(sendbuf, sendcount, sendtype, recvbuf, recvcount, recvtype, handle_);
	}
	void Alltoallv(const void *sendbuf, const int sendcounts[], const int senddisplacements[], const Datatype &sendtype,
		void *recvbuf, const int recvcounts[], const int recvdisplacements[], const Datatype &recvtype) const
	{
		MPI_Alltoallv(sendbuf, sendcounts, senddisplacements, sendtype, recvbuf, recvcounts, recvdisplacements, recvtype,
			handle_);
	}
	void Alltoallw(const void *sendbuf, const int sendcounts[], const int senddisplacements[],
		const Datatype sendtypes[], void *recvbuf, const int recvcounts[], const int recvdisplacements[],
		const Datatype recvtypes[]) const
	{
		MPI_Alltoallw(sendbuf, sendcounts, senddisplacements, Datatype::array(sendtypes), recvbuf, recvcounts,
			recvdisplacements, Datatype::array(recvtypes), handle_);
	}
	void Reduce(const void *sendbuf, void *recvbuf, int count, const Datatype &type, const Op &op, int root) const
	{
		MPI_Reduce(sendbuf, recvbuf, count, type, op, root, handle_);
	}
	void Allreduce(const void *sendbuf, void *recvbuf, int count, const Datatype &type, const Op &op) const
	{
		MPI_Allreduce(sendbuf, recvbuf, count, type, op, handle_);
	}
	void Reduce_scatter(const void *sendbuf, void *recvbuf, int recvcounts[], const Datatype &type, const Op &op) const
	{
		MPI_Reduce_scatter(sendbuf, recvbuf, recvcounts, type, op, handle_);
	}
	void Reduce_scatter_block(const void *sendbuf, void *recvbuf, int recvcount, const Datatype &type,
		const Op &op) const
	{
		MPI_Reduce_scatter_block(sendbuf, recvbuf, recvcount, type, op, handle_);
	}

private:
	bool iprobe(int source, int tag, MPI_Status *s) const
	{
		int flag = 0;
		MPI_Iprobe(source, tag, handle_, &flag, s);
		return flag != 0;
	}
	struct Keyval { /* as Datatype's */
		Keyval(Copy_attr_function *c, Delete_attr_function *d, void *e) : copy(c), destroy(d), extra_state(e) {}
		Copy_attr_function *copy;
		Delete_attr_function *destroy;
		void *extra_state;
	};
	static int copy_attr(MPI_Comm comm, int keyval, void *state, void *in, void *out, int *flag);
	static int delete_attr(MPI_Comm comm, int keyval, void *value, void *state);
	struct Kind {
		typedef Errhandler_function Function;
		typedef MPI_Comm_errhandler_function C_function;
		template <int N> static void call(MPI_Comm *comm, int *code, ...);
		template <int N> static C_function *of() { return &call<N>; }
	};
};

class Intracomm : public Comm {
public:
	FAASMRUN_CONSTANT Intracomm() {}
	FAASMRUN_CONSTANT Intracomm(MPI_Comm h) : Comm(h) {}
	Intracomm(const Comm_Null &c) : Comm(MPI_Comm(c)) {}
	Intracomm Dup() const { return dup(); }
	Intracomm &Clone() const { return *new Intracomm(dup()); }
	Intracomm Create(const Group &group) const
	{
		MPI_Comm c = MPI_COMM_NULL;
		MPI_Comm_create(handle_, group, &c);
		return c;
	}
	Intracomm Split(int color, int key) const
	{
		MPI_Comm c = MPI_COMM_NULL;
		MPI_Comm_split(handle_, color, key, &c);
		return c;
	}
	Intercomm Create_intercomm(int leader, const Comm &peer, int remote_leader, int tag) const;
	Cartcomm Create_cart(int dims, const int sizes[], const bool periods[], bool reorder) const;
	Graphcomm Create_graph(int nodes, const int index[], const int edges[], bool reorder) const;
	Distgraphcomm Dist_graph_create(int n, const int sources[], const int degrees[], const int destinations[],
		const int weights[], const Info &info, bool reorder) const;
	Distgraphcomm Dist_graph_create(int n, const int sources[], const int degrees[], const int destinations[],
		const Info &info, bool reorder) const;
	Distgraphcomm Dist_graph_create_adjacent(int indegree, const int sources[], const int sourceweights[],
		int outdegree, const int destinations[], const int destweights[], const Info &info, bool reorder) const;
	Distgraphcomm Dist_graph_create_adjacent(int indegree, const int sources[], int outdegree,
		const int destinations[], const Info &info, bool reorder) const;
	void Scan(const void *sendbuf, void *recvbuf, int count, const Datatype &type, const Op &op) const
	{
		MPI_Scan(sendbuf, recvbuf, count, type, op, handle_);
	}
	void Exscan(const void *sendbuf, void *recvbuf, int count, const Datatype &type, const Op &op) const
	{
		MPI_Exscan(sendbuf, recvbuf, count, type, op, handle_);
	}
	Intercomm Accept(const char *port, const Info &info, int root) const;
	Intercomm Connect(const char *port, const Info &info, int root) const;
	Intercomm Spawn(const char *command, const char *argv[], int maxprocs, const Info &info, int root) const;
	Intercomm Spawn(const char *command, const char *argv[], int maxprocs, const Info &info, int root,
		int codes[]) const;

protected:
	MPI_Comm dup() const
	{
		MPI_Comm c = MPI_COMM_NULL;
		MPI_Comm_dup(handle_, &c);
		return c;
	}
};

class Intercomm : public Comm {
public:
	FAASMRUN_CONSTANT Intercomm() {}
	FAASMRUN_CONSTANT Intercomm(MPI_Comm h) : Comm(h) {}
	Intercomm(const Comm_Null &c) : Comm(MPI_Comm(c)) {}
	Intercomm Dup() const { return dup(); }
	Intercomm &Clone() const { return *new Intercomm(dup()); }
	int Get_remote_size() const
	{
		int n = 0;
		MPI_Comm_remote_size(handle_, &n);
		return n;
	}
	Group Get_remote_group() const
	{
		MPI_Group g = MPI_GROUP_NULL;
		MPI_Comm_remote_group(handle_, &g);
		return g;
	}
	Intracomm Merge(bool high) const
	{
		MPI_Comm c = MPI_COMM_NULL;
		MPI_Intercomm_merge(handle_, high, &c);
		return c;
	}
	Intercomm Create(const Group &group) const
	{
		MPI_Comm c = MPI_COMM_NULL;
		MPI_Comm_create(handle_, group, &c);
		return c;
	}
	Intercomm Split(int color, int key) const
	{
		MPI_Comm c = MPI_COMM_NULL;
		MPI_Comm_split(handle_, color, key, &c);
		return c;
	}

private:
	MPI_Comm dup() const
	{
		MPI_Comm c = MPI_COMM_NULL;
		MPI_Comm_dup(handle_, &c);
		return c;
	}
};

class Cartcomm : public Intracomm {
public:
	FAASMRUN_CONSTANT Cartcomm() {}
	FAASMRUN_CONSTANT Cartcomm(MPI_Comm h) : Intracomm(h) {}
	Cartcomm(const Comm_Null &c) : Intracomm(c) {}
	Cartcomm Dup() const { return dup(); }
	Cartcomm &Clone() const { return *new Cartcomm(dup()); }
	int Get_dim() const
	{
		int n = 0;
		MPI_Cartdim_get(handle_, &n);
		return n;
	}
	void Get_topo(int max, int sizes[], bool periods[], int coords[]) const
	{
		Faasmrun_ints p(max);
		memset(p, 0, sizeof(int) * (max > 0 ? max : 0));
		MPI_Cart_get(handle_, max, sizes, p, coords);
		p.copy(periods);
	}
	int Get_cart_rank(const int coords[]) const
	{
		int r = MPI_UNDEFINED;
		MPI_Cart_rank(handle_, coords, &r);
		return r;
	}
	void Get_coords(int rank, int max, int coords[]) const { MPI_Cart_coords(handle_, rank, max, coords); }
	void Shift(int direction, int displacement, int &source, int &dest) const
	{
		MPI_Cart_shift(handle_, direction, displacement, &source, &dest);
	}
	Cartcomm Sub(const bool remain[]) const
	{
		MPI_Comm c = MPI_COMM_NULL;
		Faasmrun_ints r(Get_dim(), remain);
		MPI_Cart_sub(handle_, r, &c);
		return c;
	}
	int Map(int dims, const int sizes[], const bool periods[]) const
	{
		int rank = MPI_UNDEFINED;
		Faasmrun_ints p(dims, periods);
		MPI_Cart_map(handle_, dims, sizes, p, &rank);
		return rank;
	}
};

class Graphcomm : public Intracomm {
public:
	FAASMRUN_CONSTANT Graphcomm() {}
	FAASMRUN_CONSTANT Graphcomm(MPI_Comm h) : Intracomm(h) {}
	Graphcomm(const Comm_Null &c) : Intracomm(c) {}
	Graphcomm Dup() const { return dup(); }
	Graphcomm &Clone() const { return *new Graphcomm(dup()); }
	void Get_dims(int nodes[], int edges[]) const { MPI_Graphdims_get(handle_, nodes, edges); }
	void Get_topo(int max_index, int max_edges, int index[], int edges[]) const
	{
		MPI_Graph_get(handle_, max_index, max_edges, index, edges);
	}
	int Get_neighbors_count(int rank) const
	{
		int n = 0;
		MPI_Graph_neighbors_count(handle_, rank, &n);
		return n;
	}
	void Get_neighbors(int rank, int max, int neighbors[]) const { MPI_Graph_neighbors(handle_, rank, max, neighbors); }
	int Map(int nodes, const int index[], const int edges[]) const
	{
		int rank = MPI_UNDEFINED;
		MPI_Graph_map(handle_, nodes, index, edges, &rank);
		return rank;
	}
};

class Distgraphcomm : public Intracomm {
public:
	FAASMRUN_CONSTANT Distgraphcomm() {}
	FAASMRUN_CONSTANT Distgraphcomm(MPI_Comm h) : Intracomm(h) {}
	Distgraphcomm(const Comm_Null &c) : Intracomm(c) {}
	Distgraphcomm Dup() const { return dup(); }
	Distgraphcomm &Clone() const { return *new Distgraphcomm(dup()); }
	void Get_dist_neighbors_count(int &indegree, int &outdegree, bool &weighted) const
	{
		int w = 0;
		MPI_Dist_graph_neighbors_count(handle_, &indegree, &outdegree, &w);
		weighted = w != 0;
	}
	void Get_dist_neighbors(int max_in, int sources[], int sourceweights[], int max_out, int destinations[],
		int destweights[]) const
	{
		MPI_Dist_graph_neighbors(handle_, max_in, sources, sourceweights, max_out, destinations, destweights);
	}
};

/* The object of the class that a handle's communicator has. */
class Faasmrun_comm {
public:
	explicit Faasmrun_comm(MPI_Comm h) : intra_(h), inter_(h), cart_(h), graph_(h), dist_(h), is_(&intra_)
	{
		if (inter_.Is_inter()) {
			is_ = &inter_;
			return;
		}
		switch (intra_.Get_topology()) {
		case MPI_CART: is_ = &cart_; break;
		case MPI_GRAPH: is_ = &graph_; break;
		case MPI_DIST_GRAPH: is_ = &dist_; break;
		}
	}
	operator Comm &() { return *is_; }

private:
	Intracomm intra_;
	Intercomm inter_;
	Cartcomm cart_;
	Graphcomm graph_;
	Distgraphcomm dist_;
	Comm *is_;
};

inline int Comm::copy_attr(MPI_Comm comm, int keyval, void *state, void *in, void *out, int *flag)
{
	Keyval *k = static_cast<Keyval *>(state);
	Faasmrun_comm old(comm);
	bool copied = false;
	int error = k->copy ? k->copy(old, keyval, k->extra_state, in, out, copied) : MPI_SUCCESS;
	*flag = copied;
	return error;
}

inline int Comm::delete_attr(MPI_Comm comm, int keyval, void *value, void *state)
{
	Keyval *k = static_cast<Keyval *>(state);
	Faasmrun_comm c(comm);
	return k->destroy ? k->destroy(c, keyval, value, k->extra_state) : MPI_SUCCESS;
}

template <int N> inline void Comm::Kind::call(MPI_Comm *comm, int *code, ...)
{
	Faasmrun_comm c(*comm);
	Faasmrun_callback<Kind, N>::function()(c, code);
}

inline Intercomm Comm::Get_parent()
{
	MPI_Comm c = MPI_COMM_NULL;
	MPI_Comm_get_parent(&c);
	return c;
}

inline Intercomm Comm::Join(int fd)
{
	MPI_Comm c = MPI_COMM_NULL;
	MPI_Comm_join(fd, &c);
	return c;
}

inline Intercomm Intracomm::Create_intercomm(int leader, const Comm &peer, int remote_leader, int tag) const
{
	MPI_Comm c = MPI_COMM_NULL;
	MPI_Intercomm_create(handle_, leader, peer, remote_leader, tag, &c);
	return c;
}

inline Cartcomm Intracomm::Create_cart(int dims, const int sizes[], const bool periods[], bool reorder) const
{
	MPI_Comm c = MPI_COMM_NULL;
	Faasmrun_ints p(dims, periods);
	MPI_Cart_create(handle_, dims, sizes, p, reorder, &c);
	return c;
}

inline Graphcomm Intracomm::Create_graph(int nodes, const int index[], const int edges[], bool reorder) const
{
	MPI_Comm c = MPI_COMM_NULL;
	MPI_Graph_create(handle_, nodes, index, edges, reorder, &c);
	return c;
}

inline Distgraphcomm Intracomm::Dist_graph_create(int n, const int sources[], const int degrees[],
	const int destinations[], const int weights[], const Info &info, bool reorder) const
{
	MPI_Comm c = MPI_COMM_NULL;
	MPI_Dist_graph_create(handle_, n, sources, degrees, destinations, weights, info, reorder, &c);
	return c;
}

inline Distgraphcomm Intracomm::Dist_graph_create(int n, const int sources[], const int degrees[],
	const int destinations[], const Info &info, bool reorder) const
{
	return Dist_graph_create(n, sources, degrees, destinations, MPI_UNWEIGHTED, info, reorder);
}

inline Distgraphcomm Intracomm::Dist_graph_create_adjacent(int indegree, const int sources[],
	const int sourceweights[], int outdegree, const int destinations[], const int destweights[], const Info &info,
	bool reorder) const
{
	MPI_Comm c = MPI_COMM_NULL;
	MPI_Dist_graph_create_adjacent(handle_, indegree, sources, sourceweights, outdegree, destinations, destweights, info,
		reorder, &c);
	return c;
}

inline Distgraphcomm Intracomm::Dist_graph_create_adjacent(int indegree, const int sources[], int outdegree,
	const int destinations[], const Info &info, bool reorder) const
{
	return Dist_graph_create_adjacent(indegree, sources, MPI_UNWEIGHTED, outdegree, destinations, MPI_UNWEIGHTED, info,
		reorder);
}

inline Intercomm Intracomm::Accept(const char *port, const Info &info, int root) const
{
	MPI_Comm c = MPI_COMM_NULL;
	MPI_Comm_accept(port, info, root, handle_, &c);
	return c;
}

inline Intercomm Intracomm::Connect(const char *port, const Info &info, int root) const
{
	MPI_Comm c = MPI_COMM_NULL;
	MPI_Comm_connect(port, info, root, handle_, &c);
	return c;
}

inline Intercomm Intracomm::Spawn(const char *command, const char *argv[], int maxprocs, const Info &info, int root,
	int codes[]) const
{
	MPI_Comm c = MPI_COMM_NULL;
	MPI_Comm_spawn(command, const_cast<char **>(argv), maxprocs, info, root, handle_, &c, codes);
	return c;
}

inline Intercomm Intracomm::Spawn(const char *command, const char *argv[], int maxprocs, const Info &info,
	int root) const
{
	return Spawn(command, argv, maxprocs, info, root, MPI_ERRCODES_IGNORE);
}

inline void Datatype::Pack(const void *in, int count, void *out, int size, int &position, const Comm &comm) const
{
	MPI_Pack(in, count, handle_, out, size, &position, comm);
}

inline void Datatype::Unpack(const void *in, int size, void *out, int count, int &position, const Comm &comm) const
{
	MPI_Unpack(in, size, &position, out, count, handle_, comm);
}

inline int Datatype::Pack_size(int count, const Comm &comm) const
{
	int n = 0;
	MPI_Pack_size(count, handle_, comm, &n);
	return n;
}

/* ---- Windows ---- */

class Win {
public:
	FAASMRUN_CONSTANT Win(MPI_Win h = MPI_WIN_NULL) : handle_(h) {}
	operator MPI_Win() const { return handle_; }
	bool operator==(const Win &o) const { return handle_ == o.handle_; }
	bool operator!=(const Win &o) const { return handle_ != o.handle_; }
	static Win Create(const void *base, Aint size, int unit, const Info &info, const Intracomm &comm)
	{
		Win w;
		MPI_Win_create(const_cast<void *>(base), size, unit, info, comm, &w.handle_);
		return w;
	}
	void Free() { MPI_Win_free(&handle_); }
	void Put(const void *origin, int count, const Datatype &type, int target, Aint displacement, int target_count,
		const Datatype &target_type) const
	{
		MPI_Put(origin, count, type, target, displacement, target_count, target_type, handle_);
	}
	void Get(void *origin, int count, const Datatype &type, int target, Aint displacement, int target_count,
		const Datatype &target_type) const
	{
		MPI_Get(origin, count, type, target, displacement, target_count, target_type, handle_);
	}
	void Accumulate(const void *origin, int count, const Datatype &type, int target, Aint displacement,
		int target_count, const Datatype &target_type, const Op &op) const
	{
		MPI_Accumulate(origin, count, type, target, displacement, target_count, target_type, op, handle_);
	}
	void Fence(int assertion) const { MPI_Win_fence(assertion, handle_); }
	void Start(const Group &group, int assertion) const { MPI_Win_start(group, assertion, handle_); }
	void Complete() const { MPI_Win_complete(handle_); }
	void Post(const Group &group, int assertion) const { MPI_Win_post(group, assertion, handle_); }
	void Wait() const { MPI_Win_wait(handle_); }
	bool Test() const
	{
		int flag = 0;
		MPI_Win_test(handle_, &flag);
		return flag != 0;
	}
	void Lock(int kind, int rank, int assertion) const { MPI_Win_lock(kind, rank, assertion, handle_); }
	void Unlock(int rank) const { MPI_Win_unlock(rank, handle_); }
	Group Get_group() const
	{
		MPI_Group g = MPI_GROUP_NULL;
		MPI_Win_get_group(handle_, &g);
		return g;
	}
	bool Get_attr(int keyval, void *value) const
	{
		int flag = 0;
		MPI_Win_get_attr(handle_, keyval, value, &flag);
		return flag != 0;
	}
	void Set_errhandler(const Errhandler &e) { MPI_Win_set_errhandler(handle_, e); }
	void Set_name(const char *name) { MPI_Win_set_name(handle_, name); }
	void Get_name(char *name, int &length) const { MPI_Win_get_name(handle_, name, &length); }

private:
	MPI_Win handle_;
};

/* ---- Files ---- */

class File {
public:
	FAASMRUN_CONSTANT File(MPI_File h = MPI_FILE_NULL) : handle_(h) {}
	operator MPI_File() const { return handle_; }
	bool operator==(const File &o) const { return handle_ == o.handle_; }
	bool operator!=(const File &o) const { return handle_ != o.handle_; }
	static File Open(const Intracomm &comm, const char *name, int mode, const Info &info)
	{
		File f;
		MPI_File_open(comm, name, mode, info, &f.handle_);
		return f;
	}
	static void Delete(const char *name, const Info &info) { MPI_File_delete(name, info); }
	void Close() { MPI_File_close(&handle_); }
	void Set_size(Offset size) { MPI_File_set_size(handle_, size); }
	void Preallocate(Offset size) { MPI_File_preallocate(handle_, size); }
	Offset Get_size() const
	{
		Offset n = 0;
		MPI_File_get_size(handle_, &n);
		return n;
	}
	int Get_amode() const
	{
		int mode = 0;
		MPI_File_get_amode(handle_, &mode);
		return mode;
	}
	void Set_view(Offset displacement, const Datatype &etype, const Datatype &filetype, const char *representation,
		const Info &info)
	{
		MPI_File_set_view(handle_, displacement, etype, filetype, representation, info);
	}
	void Seek(Offset offset, int whence) { MPI_File_seek(handle_, offset, whence); }
	void Seek_shared(Offset offset, int whence) { MPI_File_seek_shared(handle_, offset, whence); }
	Offset Get_position() const
	{
		Offset at = 0;
		MPI_File_get_position(handle_, &at);
		return at;
	}
	Offset Get_byte_offset(Offset at) const
	{
		Offset byte = 0;
		MPI_File_get_byte_offset(handle_, at, &byte);
		return byte;
	}
	void Sync() { MPI_File_sync(handle_); }
	void Set_atomicity(bool flag) { MPI_File_set_atomicity(handle_, flag); }
	void Set_errhandler(const Errhandler &e) const { MPI_File_set_errhandler(handle_, e); }
	void Read(void *buf, int count, const Datatype &type)
	{
		MPI_File_read(handle_, buf, count, type, MPI_STATUS_IGNORE);
	}
	void Read(void *buf, int count, const Datatype &type, Status &s)
	{
		MPI_File_read(handle_, buf, count, type, s.c());
	}
	void Read_all(void *buf, int count, const Datatype &type)
	{
		MPI_File_read_all(handle_, buf, count, type, MPI_STATUS_IGNORE);
	}
	void Read_all(void *buf, int count, const Datatype &type, Status &s)
	{
		MPI_File_read_all(handle_, buf, count, type, s.c());
	}
	void Read_shared(void *buf, int count, const Datatype &type)
	{
		MPI_File_read_shared(handle_, buf, count, type, MPI_STATUS_IGNORE);
	}
	void Read_shared(void *buf, int count, const Datatype &type, Status &s)
	{
		MPI_File_read_shared(handle_, buf, count, type, s.c());
	}
	void Read_ordered(void *buf, int count, const Datatype &type)
	{
		MPI_File_read_ordered(handle_, buf, count, type, MPI_STATUS_IGNORE);
	}
	void Read_ordered(void *buf, int count, const Datatype &type, Status &s)
	{
		MPI_File_read_ordered(handle_, buf, count, type, s.c());
	}
	void Read_at(Offset at, void *buf, int count, const Datatype &type)
	{
		MPI_File_read_at(handle_, at, buf, count, type, MPI_STATUS_IGNORE);
	}
	void Read_at(Offset at, void *buf, int count, const Datatype &type, Status &s)
	{
		MPI_File_read_at(handle_, at, buf, count, type, s.c());
	}
	void Read_at_all(Offset at, void *buf, int count, const Datatype &type)
	{
		MPI_File_read_at_all(handle_, at, buf, count, type, MPI_STATUS_IGNORE);
	}
	void Read_at_all(Offset at, void *buf, int count, const Datatype &type, Status &s)
	{
		MPI_File_read_at_all(handle_, at, buf, count, type, s.c());
	}
	void Write(const void *buf, int count, const Datatype &type)
	{
		MPI_File_write(handle_, buf, count, type, MPI_STATUS_IGNORE);
	}
	void Write(const void *buf, int count, const Datatype &type, Status &s)
	{
		MPI_File_write(handle_, buf, count, type, s.c());
	}
	void Write_all(const void *buf, int count, const Datatype &type)
	{
		MPI_File_write_all(handle_, buf, count, type, MPI_STATUS_IGNORE);
	}
	void Write_all(const void *buf, int count, const Datatype &type, Status &s)
	{
		MPI_File_write_all(handle_, buf, count, type, s.c());
	}
	void Write_shared(const void *buf, int count, const Datatype &type)
	{
		MPI_File_write_shared(handle_, buf, count, type, MPI_STATUS_IGNORE);
	}
	void Write_shared(const void *buf, int count, const Datatype &type, Status &s)
	{
		MPI_File_write_shared(handle_, buf, count, type, s.c());
	}
	void Write_ordered(const void *buf, int count, const Datatype &type)
	{
		MPI_File_write_ordered(handle_, buf, count, type, MPI_STATUS_IGNORE);
	}
	void Write_ordered(const void *buf, int count, const Datatype &type, Status &s)
	{
		MPI_File_write_ordered(handle_, buf, count, type, s.c());
	}
	void Write_at(Offset at, const void *buf, int count, const Datatype &type)
	{
		MPI_File_write_at(handle_, at, buf, count, type, MPI_STATUS_IGNORE);
	}
	void Write_at(Offset at, const void *buf, int count, const Datatype &type, Status &s)
	{
		MPI_File_write_at(handle_, at, buf, count, type, s.c());
	}
	void Write_at_all(Offset at, const void *buf, int count, const Datatype &type)
	{
		MPI_File_write_at_all(handle_, at, buf, count, type, MPI_STATUS_IGNORE);
	}
	void Write_at_all(Offset at, const void *buf, int count, const Datatype &type, Status &s)
	{
		MPI_File_write_at_all(handle_, at, buf, count, type, s.c());
	}

private:
	MPI_File handle_;
};

/* ---- Functions of no object ---- */

inline void Init(int &argc, char **&argv) { MPI_Init(&argc, &argv); }
inline void Init() { MPI_Init(0, 0); }
inline int Init_thread(int &argc, char **&argv, int required)
{
	int provided = MPI_THREAD_SINGLE;
	MPI_Init_thread(&argc, &argv, required, &provided);
	return provided;
}
inline int Init_thread(int required)
{
	int provided = MPI_THREAD_SINGLE;
	MPI_Init_thread(0, 0, required, &provided);
	return provided;
}
inline void Finalize() { MPI_Finalize(); }
inline bool Is_initialized()
{
	int flag = 0;
	MPI_Initialized(&flag);
	return flag != 0;
}
inline bool Is_finalized()
{
	int flag = 0;
	MPI_Finalized(&flag);
	return flag != 0;
}
inline bool Is_thread_main()
{
	int flag = 0;
	MPI_Is_thread_main(&flag);
	return flag != 0;
}
inline int Query_thread()
{
	int provided = MPI_THREAD_SINGLE;
	MPI_Query_thread(&provided);
	return provided;
}
inline double Wtime() { return MPI_Wtime(); }
inline double Wtick() { return MPI_Wtick(); }
inline void Get_version(int &version, int &subversion) { MPI_Get_version(&version, &subversion); }
inline void Get_processor_name(char *name, int &length) { MPI_Get_processor_name(name, &length); }
inline void Get_error_string(int code, char *text, int &length) { MPI_Error_string(code, text, &length); }
inline int Get_error_class(int code)
{
	int c = MPI_ERR_UNKNOWN;
	MPI_Error_class(code, &c);
	return c;
}
inline int Add_error_class()
{
	int c = 0;
	MPI_Add_error_class(&c);
	return c;
}
inline int Add_error_code(int error_class)
{
	int c = 0;
	MPI_Add_error_code(error_class, &c);
	return c;
}
inline void Add_error_string(int code, const char *text) { MPI_Add_error_string(code, text); }
inline void Compute_dims(int nodes, int dims, int sizes[]) { MPI_Dims_create(nodes, dims, sizes); }
inline void Attach_buffer(void *buffer, int size) { MPI_Buffer_attach(buffer, size); }
inline int Detach_buffer(void *&buffer)
{
	int size = 0;
	MPI_Buffer_detach(&buffer, &size);
	return size;
}
inline void Pcontrol(const int level, ...) { MPI_Pcontrol(level); }
inline Aint Get_address(const void *location)
{
	Aint a = 0;
	MPI_Get_address(location, &a);
	return a;
}
inline void *Alloc_mem(Aint size, const Info &info)
{
	void *base = 0;
	MPI_Alloc_mem(size, info, &base);
	return base;
}
inline void Free_mem(void *base) { MPI_Free_mem(base); }
inline void Open_port(const Info &info, char *port) { MPI_Open_port(info, port); }
inline void Close_port(const char *port) { MPI_Close_port(port); }
inline void Publish_name(const char *service, const Info &info, const char *port)
{
	MPI_Publish_name(service, info, port);
}
inline void Unpublish_name(const char *service, const Info &info, const char *port)
{
	MPI_Unpublish_name(service, info, port);
}
inline void Lookup_name(const char *service, const Info &info, char *port) { MPI_Lookup_name(service, info, port); }

/* ---- Predefined objects ---- */

inline const Datatype CHAR(MPI_CHAR), SHORT(MPI_SHORT), INT(MPI_INT), LONG(MPI_LONG), SIGNED_CHAR(MPI_SIGNED_CHAR),
	UNSIGNED_CHAR(MPI_UNSIGNED_CHAR), UNSIGNED_SHORT(MPI_UNSIGNED_SHORT), UNSIGNED(MPI_UNSIGNED),
	UNSIGNED_LONG(MPI_UNSIGNED_LONG), FLOAT(MPI_FLOAT), DOUBLE(MPI_DOUBLE), LONG_DOUBLE(MPI_LONG_DOUBLE),
	BYTE(MPI_BYTE), PACKED(MPI_PACKED), WCHAR(MPI_WCHAR), LONG_LONG(MPI_LONG_LONG),
	UNSIGNED_LONG_LONG(MPI_UNSIGNED_LONG_LONG), FLOAT_INT(MPI_FLOAT_INT), DOUBLE_INT(MPI_DOUBLE_INT),
	LONG_INT(MPI_LONG_INT), SHORT_INT(MPI_SHORT_INT), LONG_DOUBLE_INT(MPI_LONG_DOUBLE_INT), INTEGER(MPI_INTEGER),
	REAL(MPI_REAL), DOUBLE_PRECISION(MPI_DOUBLE_PRECISION), LOGICAL(MPI_LOGICAL), CHARACTER(MPI_CHARACTER),
	INTEGER1(MPI_INTEGER1), INTEGER2(MPI_INTEGER2), INTEGER4(MPI_INTEGER4), INTEGER8(MPI_INTEGER8), REAL4(MPI_REAL4),
	REAL8(MPI_REAL8), REAL16(MPI_REAL16), BOOL(MPI_CXX_BOOL), COMPLEX(MPI_CXX_FLOAT_COMPLEX),
	DOUBLE_COMPLEX(MPI_CXX_DOUBLE_COMPLEX), LONG_DOUBLE_COMPLEX(MPI_CXX_LONG_DOUBLE_COMPLEX), TWOINT(MPI_2INT),
	TWOREAL(MPI_2REAL), TWODOUBLE_PRECISION(MPI_2DOUBLE_PRECISION), TWOINTEGER(MPI_2INTEGER), F_COMPLEX(MPI_COMPLEX),
	F_DOUBLE_COMPLEX(MPI_DOUBLE_COMPLEX), DATATYPE_NULL(MPI_DATATYPE_NULL);
inline const Op MAX(MPI_MAX), MIN(MPI_MIN), SUM(MPI_SUM), PROD(MPI_PROD), MAXLOC(MPI_MAXLOC), MINLOC(MPI_MINLOC),
	BAND(MPI_BAND), BOR(MPI_BOR), BXOR(MPI_BXOR), LAND(MPI_LAND), LOR(MPI_LOR), LXOR(MPI_LXOR), REPLACE(MPI_REPLACE),
	OP_NULL(MPI_OP_NULL);
inline const Group GROUP_NULL(MPI_GROUP_NULL), GROUP_EMPTY(MPI_GROUP_EMPTY);
inline const Request REQUEST_NULL(MPI_REQUEST_NULL);
inline const Info INFO_NULL(MPI_INFO_NULL);
inline const Errhandler ERRHANDLER_NULL(MPI_ERRHANDLER_NULL), ERRORS_ARE_FATAL(MPI_ERRORS_ARE_FATAL),
	ERRORS_RETURN(MPI_ERRORS_RETURN);
inline const Errhandler ERRORS_THROW_EXCEPTIONS(faasmrun_throwing);
inline const Comm_Null COMM_NULL;
inline Intracomm COMM_WORLD(MPI_COMM_WORLD), COMM_SELF(MPI_COMM_SELF);
inline const Win WIN_NULL(MPI_WIN_NULL);
inline const File FILE_NULL(MPI_FILE_NULL);

} /* namespace MPI */

#undef FAASMRUN_CONSTANT

} /* extern "C++" */

#endif

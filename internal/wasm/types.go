package wasm

import (
	"fmt"
	"slices"
	"strings"
)

// ValueType is the type of a value, as the binary format writes it.
type ValueType byte

// The value types.
const (
	I32       ValueType = 0x7f
	I64       ValueType = 0x7e
	F32       ValueType = 0x7d
	F64       ValueType = 0x7c
	V128      ValueType = 0x7b
	FuncRef   ValueType = 0x70
	ExternRef ValueType = 0x6f
	ExnRef    ValueType = 0x69 // of the final exception proposal
	// Unknown stands on a Cursor's stack in unreachable code, where a value may be of any type.
	Unknown ValueType = 0
)

func (t ValueType) String() string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	case V128:
		return "v128"
	case FuncRef:
		return "funcref"
	case ExternRef:
		return "externref"
	case ExnRef:
		return "exnref"
	case Unknown:
		return "unknown"
	}
	return fmt.Sprintf("type %#x", byte(t))
}

// IsReference reports whether values of the type are references, which can't be stored in linear memory.
func (t ValueType) IsReference() bool { return t == FuncRef || t == ExternRef || t == ExnRef }

func (t ValueType) known() bool { return t >= V128 && t <= I32 || t.IsReference() }

// everyType holds ValueType(n) at n, so that a list of one type is a slice of it and costs no allocation.
var everyType = func() (all [256]ValueType) {
	for i := range all {
		all[i] = ValueType(i)
	}
	return all
}()

func only(t ValueType) []ValueType { return everyType[t : int(t)+1 : int(t)+1] }

// letterTypes maps the letters of the operations table.
var letterTypes = [256]ValueType{'i': I32, 'l': I64, 'f': F32, 'd': F64, 'v': V128}

// FuncType is the type of a function, of a tag, or of a block that takes or gives several values.
type FuncType struct{ Params, Results []ValueType }

// Equal reports whether two types have the same structure: two entries of a type section may be the same type.
func (t FuncType) Equal(u FuncType) bool {
	return slices.Equal(t.Params, u.Params) && slices.Equal(t.Results, u.Results)
}

func (t FuncType) String() string {
	return "(" + typeList(t.Params) + ") -> (" + typeList(t.Results) + ")"
}

// key is equal for equal types.
func (t FuncType) key() string {
	k := make([]byte, 0, len(t.Params)+1+len(t.Results))
	for _, p := range t.Params {
		k = append(k, byte(p))
	}
	k = append(k, 0)
	for _, r := range t.Results {
		k = append(k, byte(r))
	}
	return string(k)
}

func typeList(types []ValueType) string {
	words := make([]string, len(types))
	for i, t := range types {
		words[i] = t.String()
	}
	return strings.Join(words, " ")
}

// BlockType is the type of a block: BlockVoid, a single result, or the index of a FuncType where it is not negative.
type BlockType int64

// BlockVoid is the type of a block that takes and gives nothing.
const BlockVoid BlockType = -64

// BlockOf is the type of a block that gives one value.
func BlockOf(t ValueType) BlockType { return BlockType(int8(t<<1) >> 1) }

// Limits bound a table's elements or a memory's pages of 64 KiB.
type Limits struct {
	Min    uint64
	Max    uint64
	HasMax bool
	Shared bool // memories only
	Is64   bool // addresses, or indices of elements, are i64
}

// Address is the type of the memory's addresses, or of the table's indices.
func (l Limits) Address() ValueType {
	if l.Is64 {
		return I64
	}
	return I32
}

// Table is a table's type.
type Table struct {
	Type   ValueType // FuncRef or ExternRef
	Limits Limits
}

// GlobalType is a global's type.
type GlobalType struct {
	Type    ValueType
	Mutable bool
}

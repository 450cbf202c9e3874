package eh

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// Where things stand in an exception of C++ on wasm32, by libc++abi's layout: the thrown value, which Value is the
// address of, is the unwinder's header; information on the exception's type stands before it, the object itself behind.
const (
	cppClass     = "++CGNLC" // CLNGC++, as the little-endian number that the header begins with, but for its last byte
	cppTypeInfo  = 48        // so far before it, the address of the object's std::type_info
	cppTypeName  = 4         // in that, the address of the mangled name
	longestName  = 1 << 10
	cppDependent = 1 // that byte's largest value: an exception thrown again by std::rethrow_exception
)

// Describe says for a person what an uncaught exception is, from what the pending and value globals hold and the guest's
// memory. For an exception of C++ that is its type, as libc++abi has stored it.
func Describe(memory []byte, pending, value uint32) string {
	if pending == 0 {
		return "no exception"
	}
	if class := at(memory, value, 1+len(cppClass)); class != nil && class[0] <= cppDependent && string(class[1:]) == cppClass {
		if name, ok := cppType(memory, value); ok {
			return "uncaught C++ exception of type " + name
		}
		return "uncaught C++ exception"
	}
	return fmt.Sprintf("uncaught exception (tag %d, value %#x): thrown by other means than C++'s, such as a longjmp "+
		"whose setjmp's function has returned", pending-1, value)
}

// cppType reads the name of the type of an exception of C++.
func cppType(memory []byte, value uint32) (string, bool) {
	info, ok := pointer(memory, value-cppTypeInfo)
	if !ok {
		return "", false
	}
	address, ok := pointer(memory, info+cppTypeName)
	if !ok || uint64(address) >= uint64(len(memory)) {
		return "", false
	}
	name := memory[address:min(uint64(len(memory)), uint64(address)+longestName)]
	end := bytes.IndexByte(name, 0)
	if end <= 0 {
		return "", false
	}
	return demangle(string(name[:end])), true
}

func at(memory []byte, address uint32, n int) []byte {
	if uint64(address)+uint64(n) > uint64(len(memory)) {
		return nil
	}
	return memory[address:][:n]
}

func pointer(memory []byte, address uint32) (uint32, bool) {
	b := at(memory, address, 4)
	if b == nil {
		return 0, false
	}
	return binary.LittleEndian.Uint32(b), true
}

// builtinTypes are the mangled names of C++'s own types that programs throw.
var builtinTypes = map[string]string{"i": "int", "j": "unsigned int", "l": "long", "m": "unsigned long", "x": "long long",
	"y": "unsigned long long", "c": "char", "a": "signed char", "h": "unsigned char", "s": "short", "t": "unsigned short",
	"b": "bool", "f": "float", "d": "double", "e": "long double", "PKc": "const char*", "Pc": "char*", "Pv": "void*",
	"Dn": "std::nullptr_t"}

// demangle turns the mangled name of a type into C++, if it is one of the common kinds: built in, a plain class, a class
// in namespaces. Others, such as templates, are returned as they are, for a demangler.
func demangle(mangled string) string {
	if name, ok := builtinTypes[mangled]; ok {
		return name
	}
	rest, prefix := mangled, ""
	nested := strings.HasPrefix(rest, "N") && strings.HasSuffix(rest, "E")
	if nested {
		rest = rest[1 : len(rest)-1]
	}
	if after, ok := strings.CutPrefix(rest, "St"); ok {
		rest, prefix = after, "std::"
	}
	var parts []string
	for rest != "" {
		n, digits := 0, 0
		for digits < len(rest) && digits < 4 && rest[digits] >= '0' && rest[digits] <= '9' {
			n = n*10 + int(rest[digits]-'0')
			digits++
		}
		if n == 0 || n > len(rest)-digits || len(parts) > 0 && !nested {
			return mangled
		}
		parts = append(parts, rest[digits:digits+n])
		rest = rest[digits+n:]
	}
	if len(parts) == 0 {
		return mangled
	}
	return prefix + strings.Join(parts, "::")
}

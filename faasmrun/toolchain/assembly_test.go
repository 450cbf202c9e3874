package toolchain

import (
	"strings"
	"testing"
)

// TestInlineAssembly: what is x86's is refused by name and place, where clang names constraints, registers or
// instructions, of a whole file, and of C++, which is compiled in steps. A barrier for the compiler is none of it.
func TestInlineAssembly(t *testing.T) {
	l := newLab(t)
	l.write("barrier.c", "int main(void) { __asm__ volatile(\"\" ::: \"memory\", \"cc\"); return 0; }\n")
	l.ok("cc", "barrier.c")
	sources := map[string]string{
		"constraint": "int f(void) {\n\tunsigned a;\n\t__asm__(\"rdtsc\" : \"=a\"(a));\n\treturn a;\n}\n",
		"input":      "void f(int a) {\n\n\t__asm__(\"int3\" : : \"c\"(a));\n}\n",
		"register":   "void f(void) {\n\n\t__asm__(\"cpuid\" : : : \"eax\");\n}\n",
		"operand":    "int f(int a) {\n\n\t__asm__(\"addl %0, %0\" : \"+r\"(a));\n\treturn a;\n}\n",
		"plain":      "void f(void) {\n\n\t__asm__ volatile(\"pause\" ::: \"memory\");\n}\n",
	}
	for name, text := range sources {
		for _, file := range []string{name + ".c", name + ".cc"} {
			l.write(file, text)
			for _, level := range []string{"-O0", "-O2"} {
				_, _, said := l.try("cc", level, "-Wall", "-c", file)
				if !strings.Contains(said, "error: x86 inline assembly in "+file+":3: ") || strings.Contains(said, "invalid") ||
					strings.Contains(said, "<inline asm>") {
					t.Errorf("%s %s:\n%s", level, file, said)
				}
			}
		}
	}
	l.write("whole.c", "__asm__(\".symver a,b\");\n__asm__(\"foo: ret\");\nint x;\n")
	if _, _, said := l.try("cc", "-c", "whole.c"); !strings.Contains(said, "error: x86 inline assembly in whole.c: ") ||
		strings.Contains(said, "Stack dump") {
		t.Errorf("%s", said)
	}
	l.write("other.c", "int f(void) { return nothing; }\n")
	l.fails("cc", []string{"-c", "other.c"}, "other.c:1:22: error: use of undeclared identifier 'nothing'\n")
}

// TestNameAssembly leaves what is not of inline assembly as it is, and finds it under colours.
func TestNameAssembly(t *testing.T) {
	const warning = "a.c:1:2: warning: unused variable 'x' [-Wunused-variable]\n    1 | int x;\n      |     ^\n"
	const ours = "a.c:3:4: error: x86 inline assembly in a.c:3" + noAssembly
	for said, want := range map[string]string{
		"":      "",
		"text":  "text",
		warning: warning,
		warning + "a.c:3:4: error: unknown register name 'eax' in asm\n 3 | x\n" + warning: warning + ours + " 3 | x\n" +
			warning,
		"a.c:3:4: error: invalid instruction\n 3 | x\n<inline asm>:1:2: note: instantiated into assembly here\n" +
			" 1 | y\n2 errors\n": ours + " 3 | x\n",
		"\x1b[1ma.c:3:4: \x1b[0m\x1b[0;1;31merror: \x1b[0m\x1b[1minvalid input constraint 'a' in asm\x1b[0m\n": ours,
		"a.c:3:4: error: invalid instruction\n": "a.c:3:4: error: invalid instruction\n",
		"<inline asm>:1:2: note: lone\n x\n":    "<inline asm>:1:2: note: lone\n x\n",
		"<inline asm>:1:1: error: x\nPLEASE submit a bug report\nStack dump:\n": "b.c: error: x86 inline assembly in b.c" +
			noAssembly,
	} {
		if got := string(nameAssembly([]byte(said), "b.c")); got != want {
			t.Errorf("of\n%s\nit makes\n%s\nnot\n%s", said, got, want)
		}
	}
}

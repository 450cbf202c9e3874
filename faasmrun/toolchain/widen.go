package toolchain

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// wasiCalls is wasi-libc's file that calls WASI, which a generator wrote for wasm32: each pointer and size goes through
// an int32_t.
const wasiCalls = "libc-bottom-half/sources/__wasilibc_real.c"

var (
	wasiFunction = regexp.MustCompile(`(?s)__wasi_errno_t __wasi_(\w+)\(\n(.*?)\n\)\{\n(.*?)\n\}`)
	wasiLength   = regexp.MustCompile(`size_t (\w+) = strlen`)
	wasiArgument = regexp.MustCompile(`^(?:\(\w+\) ?)?&?(\w+)$`)
	lastWord     = regexp.MustCompile(`(\w+)$`)
)

// widenedArguments is how many there are: another number means that the file is another one.
const widenedArguments = 77

// widenCalls lets pointers and sizes keep their 64 bits in the calls of WASI.
func widenCalls(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text, widened := string(data), 0
	for _, f := range wasiFunction.FindAllStringSubmatch(text, -1) {
		name, wide := "__imported_wasi_snapshot_preview1_"+f[1], wideNames(f[2], f[3])
		call := regexp.MustCompile(name + `\((.*)\);`).FindStringSubmatch(f[3])
		declared := regexp.MustCompile(`int32_t ` + name + `\((int.*?)\) __attribute__`).FindStringSubmatch(text)
		if call == nil || declared == nil || call[1] == "" {
			continue
		}
		args, types := strings.Split(call[1], ", "), strings.Split(declared[1], ", ")
		if len(args) != len(types) {
			return fmt.Errorf("%s: %s takes %d arguments and is called with %d", file, name, len(types), len(args))
		}
		for i, arg := range args {
			word := wasiArgument.FindStringSubmatch(arg)
			if word == nil {
				return fmt.Errorf("%s: %s is called with %s", file, name, arg)
			}
			if wide[word[1]] {
				types[i], args[i] = fmt.Sprintf("intptr_t arg%d", i), "(intptr_t) "+word[1]
				widened++
			}
		}
		text = strings.Replace(text, call[0], name+"("+strings.Join(args, ", ")+");", 1)
		text = strings.Replace(text, declared[0], "int32_t "+name+"("+strings.Join(types, ", ")+") __attribute__", 1)
	}
	if widened != widenedArguments {
		return fmt.Errorf("%s: %d arguments were widened and not %d", file, widened, widenedArguments)
	}
	return os.WriteFile(file, []byte(text), 0o644)
}

// wideNames are the parameters and variables of a function that are pointers or sizes.
func wideNames(params, body string) map[string]bool {
	wide := map[string]bool{}
	for _, p := range strings.Split(params, ",\n") {
		p = strings.TrimSpace(p)
		if strings.Contains(p, "*") || strings.HasPrefix(p, "__wasi_size_t") || strings.HasPrefix(p, "size_t") {
			wide[lastWord.FindString(p)] = true
		}
	}
	for _, l := range wasiLength.FindAllStringSubmatch(body, -1) {
		wide[l[1]] = true
	}
	return wide
}

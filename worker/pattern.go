package worker

import (
	"fmt"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// noOutput is the pattern that stands for no file.
const noOutput = "none"

// outputFiles are the paths of one output stream's files: one for all ranks here, or, where the pattern asks for ranks,
// one each.
func (j *job) outputFiles(pattern string) []string {
	if pattern == "" || pattern == noOutput {
		return nil
	}
	if j.order.Restarts > 0 && !j.spec.GetAppendOutput() && !j.shared(pattern) && !asksFor(pattern, 'r') {
		pattern += ".%r" // what earlier attempts wrote stays
	}
	ranks := uint32(1)
	if asksFor(pattern, 't') && j.spec.GetScript() == nil {
		ranks = j.order.Ranks
	}
	paths := make([]string, ranks)
	for i := range paths {
		path := expand(pattern, j.patternValue(j.order.FirstRank+uint32(i)))
		if !filepath.IsAbs(path) {
			path = filepath.Join(j.startDir(), path)
		}
		paths[i] = path
	}
	return paths
}

// startDir is the directory of the job's script, or of its first program.
func (j *job) startDir() string {
	if x := j.spec.GetScript(); x != nil {
		return x.GetDir()
	}
	return j.spec.GetApps()[0].GetDir()
}

// patternValue gives what a letter stands for, of one rank.
func (j *job) patternValue(rank uint32) func(letter byte) (string, bool) {
	array, index := j.order.GetArrayId(), strconv.FormatUint(uint64(j.order.GetArrayIndex()), 10)
	if array == 0 {
		array, index = j.key.id, "4294967294" // as sbatch has it
	}
	name := strings.ReplaceAll(j.order.GetName(), "/", "_") // it leads nowhere else
	values := map[byte]string{'j': fmt.Sprint(j.key.id), 'A': fmt.Sprint(array), 'a': index, 'x': name, 'u': j.userName(),
		'N': j.w.Name,
		'n': "0", 't': fmt.Sprint(rank), 'r': fmt.Sprint(j.order.Restarts), '%': "%"}
	return func(letter byte) (string, bool) {
		v, known := values[letter]
		return v, known
	}
}

// userName is the user whom the job is run for, as this machine calls them; the tenant's own name where that is no user
// here.
func (j *job) userName() string {
	if j.as != nil {
		return j.as.name
	}
	number, local := strings.CutPrefix(j.order.GetTenant(), localTenant)
	if local {
		if account, err := user.LookupId(number); err == nil {
			return account.Username
		}
	}
	return strings.ReplaceAll(number, "/", "_")
}

// shared reports whether the tasks of an array all write to the file of this pattern.
func (j *job) shared(pattern string) bool {
	return j.order.GetArrayId() != 0 && pattern != "" && pattern != noOutput && !asksFor(pattern, 'a') &&
		!asksFor(pattern, 'j')
}

// argument puts the job's numbers into an argument of a submitted job, where a script would have the shell do it: %j,
// and in an array %A and %a, also with a width, as in the names of files. Everything else stays as it is; %%a is a
// plain %a.
func (j *job) argument(text string) string {
	if j.spec.GetInteractive() {
		return text
	}
	all := j.patternValue(0)
	known := func(letter byte) (string, bool) {
		if letter == 'j' || j.order.GetArrayId() != 0 && (letter == 'A' || letter == 'a') {
			return all(letter)
		}
		return "", false
	}
	// ours is the length of %j and its like at the beginning of a text.
	ours := func(text string) int {
		if letter, _, length := specifier(text); length > 0 {
			if _, found := known(letter); found {
				return length
			}
		}
		return 0
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		length := 1
		switch {
		case strings.HasPrefix(text[i:], "%%"):
			literal := ours(text[i+1:])
			b.WriteString(text[i+1 : i+1+literal])
			if length = 1 + literal; literal == 0 {
				length = 2
				b.WriteString("%%")
			}
		case ours(text[i:]) > 0:
			length = ours(text[i:])
			b.WriteString(expand(text[i:i+length], known))
		default:
			b.WriteByte(text[i])
		}
		i += length
	}
	return b.String()
}

// maxPadding bounds the width of %4j.
const maxPadding = 10

// expand puts values for the letters behind %, with zeros in front of numbers up to a width. What is unknown stays as
// it is.
func expand(pattern string, value func(letter byte) (string, bool)) string {
	var b strings.Builder
	for i := 0; i < len(pattern); {
		letter, width, length := specifier(pattern[i:])
		v, known := "", false
		if length > 0 {
			v, known = value(letter)
		}
		if !known {
			b.WriteByte(pattern[i])
			i++
			continue
		}
		if _, err := strconv.ParseUint(v, 10, 64); err == nil && len(v) < width {
			b.WriteString(strings.Repeat("0", width-len(v)))
		}
		b.WriteString(v)
		i += length
	}
	return b.String()
}

// specifier reads %j and %4j; its length is 0 where there is none.
func specifier(s string) (letter byte, width, length int) {
	if s[0] != '%' {
		return 0, 0, 0
	}
	digits := 1
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	if digits == len(s) {
		return 0, 0, 0
	}
	if n, err := strconv.Atoi(s[1:digits]); err == nil {
		width = min(n, maxPadding)
	}
	return s[digits], width, digits + 1
}

func asksFor(pattern string, wanted byte) bool {
	found := false
	expand(pattern, func(letter byte) (string, bool) {
		found = found || letter == wanted
		return "", true
	})
	return found
}

package worker

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// noOutput is the pattern that stands for no file.
const noOutput = "none"

// outputFiles are the paths of one output stream's files: one for all ranks here, or, where the pattern asks for ranks, one each.
func (j *job) outputFiles(pattern string) []string {
	if pattern == "" || pattern == noOutput {
		return nil
	}
	if j.order.Restarts > 0 && !j.spec.GetAppendOutput() && !asksFor(pattern, 'r') {
		pattern += ".%r" // what earlier attempts wrote stays
	}
	ranks := uint32(1)
	if asksFor(pattern, 't') {
		ranks = j.order.Ranks
	}
	paths := make([]string, ranks)
	for i := range paths {
		path := expand(pattern, j.patternValue(j.order.FirstRank+uint32(i)))
		if !filepath.IsAbs(path) {
			path = filepath.Join(j.spec.GetApps()[0].GetDir(), path)
		}
		paths[i] = path
	}
	return paths
}

// patternValue gives what a letter stands for, of one rank.
func (j *job) patternValue(rank uint32) func(letter byte) (string, bool) {
	array, index := j.order.GetArrayId(), strconv.FormatUint(uint64(j.order.GetArrayIndex()), 10)
	if array == 0 {
		array, index = j.key.id, "4294967294" // as sbatch has it
	}
	user := strings.TrimPrefix(j.order.GetTenant(), localTenant)
	if j.as != nil {
		user = j.as.name
	}
	name := strings.ReplaceAll(j.order.GetName(), "/", "_") // it leads nowhere else
	values := map[byte]string{'j': fmt.Sprint(j.key.id), 'A': fmt.Sprint(array), 'a': index, 'x': name, 'u': user, 'N': j.w.Name,
		'n': "0", 't': fmt.Sprint(rank), 'r': fmt.Sprint(j.order.Restarts), '%': "%"}
	return func(letter byte) (string, bool) {
		v, known := values[letter]
		return v, known
	}
}

// maxPadding bounds the width of %4j.
const maxPadding = 10

// expand puts values for the letters behind %, with zeros in front of numbers up to a width. What is unknown stays as it is.
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

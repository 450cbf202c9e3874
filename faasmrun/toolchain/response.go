package toolchain

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

const maxResponseDepth = 16 // @file in @file: past this it is a cycle

// expandResponseFiles replaces each @file by the words in it, as gcc does: whitespace separates, quotes of both kinds
// and the backslash protect, and an @file that does not exist is an ordinary argument.
func expandResponseFiles(args []string) ([]string, error) { return expandDepth(args, 0) }

func expandDepth(args []string, depth int) ([]string, error) {
	var out []string
	for _, arg := range args {
		name, isFile := strings.CutPrefix(arg, "@")
		if !isFile || name == "" {
			out = append(out, arg)
			continue
		}
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			out = append(out, arg)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("response file: %w", err)
		}
		if depth == maxResponseDepth {
			return nil, fmt.Errorf("response file %s: more than %d files include each other", name, maxResponseDepth)
		}
		words, err := expandDepth(splitWords(string(text)), depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, words...)
	}
	return out, nil
}

// splitWords splits text by gcc's rules for response files.
func splitWords(text string) []string {
	var words []string
	var word strings.Builder
	inWord := false
	var quote byte
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text):
			i++
			word.WriteByte(text[i])
			inWord = true
		case quote != 0:
			if c == quote {
				quote = 0
			} else {
				word.WriteByte(c)
			}
		case c == '\'' || c == '"':
			quote, inWord = c, true
		case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words
}

package mpi

import (
	"strings"
	"unicode"
)

// oneLine makes one line of a message in which a program's words may stand, the name of a communicator or of a datatype
// say: they can't begin a line of their own, nor command the terminal.
func oneLine(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return '?'
	}, strings.ToValidUTF8(text, "?"))
}
